// The waiting page: shows what the hub says of the starting lab, and goes on when it is up or has failed.
const message = document.getElementById("message");
const progress = document.getElementById("progress");
const source = new EventSource(document.currentScript.dataset.progress);

source.addEventListener("message", (event) => {
  const said = JSON.parse(event.data);
  if (said.progress !== undefined) progress.value = said.progress;
  if (said.message) message.textContent = said.message;
  if (said.ready || said.failed) {
    source.close();
    location.reload();
  }
});
// The hub may be restarting: the page itself knows what became of the lab.
source.addEventListener("error", () => {
  source.close();
  setTimeout(() => location.reload(), 2000);
});
