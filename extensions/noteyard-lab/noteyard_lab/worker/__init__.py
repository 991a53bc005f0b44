"""One run attempt: claim it, fetch its release, execute the notebook with papermill, report, store what came out.

The process knows the hub side by HTTP and a token for this one attempt. Main parts: `execution` (the whole way, in
order), `engine` (papermill's engine), `stopping` (cancel and time limit), `reporting` (progress), `outputs` (results).
"""
