// The front page of a dashboard's own host: shows the last rendering at once, wakes the live session, swaps it in.
//
// The page's HTML (no inline script or style; Content-Security-Policy: default-src 'self'; frame-src 'self'):
//
//   <html lang="en">
//   <head>
//     <style>…dashboard_shell.css…</style>
//     <script src="/portal/static/dashboard_shell.js" defer></script>
//   </head>
//   <body class="ny-shell" data-rendered="2026-11-22T21:54:00Z" data-state="ready">
//                        (data-rendered="" when there is no rendering yet; data-state as of /.noteyard/state)
//     <header class="ny-bar">
//       <a class="ny-home" href="http://localhost:8000/portal/dashboards">Dashboards</a>
//       <h1 class="ny-title">Sales in the north</h1>
//       <p class="ny-state" id="state" role="status" data-state="rendering">Showing the last rendering</p>
//       <button class="ny-action" id="action" type="button" hidden></button>
//     </header>
//     <main class="ny-stage" id="stage">
//       <iframe id="rendering" class="ny-frame" title="Last rendering of Sales in the north"
//               sandbox="allow-scripts" src="/.noteyard/rendering"></iframe>
//     </main>
//   </body>
//
// It asks GET /.noteyard/state for {"state": "sleeping"|"starting"|"ready"|"failed", "message": str, "live": bool} until
// a session can start, unless data-state has said so, then loads /live/ with its own query in a second frame, which has the same origin and tells by
// messages how far it is (see live.js in noteyard-lab). It waits with that until the rendering is seen, and the rendering's
// formulas and widgets wait for DRAW_PATIENCE when a live session is near, which has its own of them. Pages of the launcher say what they are in <html data-noteyard>
// or <body data-noteyard>: "session", "busy", "forbidden", "failed", "missing". The rendering is sandboxed; it only
// tells how far it is scrolled.
(function () {
  "use strict";

  var POLL = 1000;
  var SLOW_POLL = 5000;
  var POLLS_UNTIL_SLOW = 60;
  var BUSY_PAUSE = 60000;
  var LOADED_PATIENCE = 20000;
  var SEEN_PATIENCE = 1500;
  var DRAW_PATIENCE = 2500;

  var stage = document.getElementById("stage");
  var line = document.getElementById("state");
  var action = document.getElementById("action");
  var rendering = document.getElementById("rendering");
  var renderedAt = document.body.dataset.rendered;
  var title = document.querySelector(".ny-title").textContent;
  var live = null;
  var swapped = false;
  var scroll = 0;
  var polls = 0;
  var timer = null;
  var begun = false;

  function renderedText() {
    if (!renderedAt) {
      return "";
    }
    var when = new Date(renderedAt).toLocaleString(undefined, { dateStyle: "medium", timeStyle: "short" });
    return "Showing the last rendering from " + when + ".";
  }

  function show(state, text, button) {
    line.dataset.state = state;
    line.textContent = text;
    action.hidden = !button;
    action.textContent = button || "";
  }

  function showWaiting(state, text) {
    show(state, (text + " " + renderedText()).trim());
  }

  function later(what, pause) {
    window.clearTimeout(timer);
    timer = window.setTimeout(what, pause);
  }

  // An edge that has just started knows no routes yet and says 404 too, but not in a problem document.
  function isRefusal(answer) {
    var kind = answer.headers.get("Content-Type") || "";
    return [401, 403, 404].indexOf(answer.status) >= 0 && kind.indexOf("application/problem+json") === 0;
  }

  function poll() {
    polls += 1;
    var pause = polls > POLLS_UNTIL_SLOW ? SLOW_POLL : POLL;
    window
      .fetch("/.noteyard/state", { cache: "no-store", headers: { Accept: "application/json" } })
      .then(function (answer) {
        if (isRefusal(answer)) {
          // The page that a reload leads to says why: logged out, not shared any more, gone.
          show("ended", "You can't see this dashboard any more.", "Reload");
          return null;
        }
        if (!answer.ok) {
          throw new Error(String(answer.status));
        }
        return answer.json();
      })
      .then(function (now) {
        if (!now) {
          return;
        }
        if (now.state === "ready" && now.live !== false) {
          startLive();
          return;
        }
        if (now.state === "failed" || now.live === false && now.state === "ready") {
          showWaiting("failed", now.message || "A live session can't be started.");
          later(poll, SLOW_POLL);
          return;
        }
        showWaiting("starting", now.message || "Starting a live session…");
        later(poll, pause);
      })
      .catch(function () {
        showWaiting("starting", "Waiting for the server…");
        later(poll, SLOW_POLL);
      });
  }

  function startLive() {
    dropLive();
    showWaiting("starting", "Starting a live session…");
    live = document.createElement("iframe");
    live.id = "live";
    live.className = "ny-frame ny-hidden";
    live.title = title;
    live.allow = "fullscreen";
    live.tabIndex = -1;
    live.addEventListener("load", judgeLive);
    live.src = "/live/" + window.location.search;
    stage.appendChild(live);
  }

  function dropLive() {
    if (live) {
      live.remove();
      live = null;
    }
  }

  // What has loaded in the frame: the session's page, or something else in its place.
  function judgeLive() {
    var frame = live;
    var page = frame.contentDocument;
    var kind = page && page.body && (page.body.dataset.noteyard || page.documentElement.dataset.noteyard);
    if (kind === "session") {
      later(function () {
        if (live === frame) {
          swap();
        }
      }, LOADED_PATIENCE);
      return;
    }
    if (swapped) {
      return;
    }
    dropLive();
    if (kind === "busy") {
      showWaiting("busy", "This dashboard is busy. Trying again in a minute.");
      show(line.dataset.state, line.textContent, "Try again now");
      later(startLive, BUSY_PAUSE);
      return;
    }
    showWaiting("starting", "The live session did not start. Trying again…");
    later(poll, SLOW_POLL);
  }

  function swap() {
    if (swapped) {
      show("live", "Live"); // the session has ended, and its page was loaded again
      return;
    }
    swapped = true;
    window.clearTimeout(timer);
    var hadFocus = document.activeElement === rendering;
    live.classList.remove("ny-hidden");
    live.removeAttribute("tabindex");
    live.contentWindow.scrollTo(0, scroll);
    if (rendering) {
      rendering.remove();
      rendering = null;
    }
    if (hadFocus) {
      live.focus();
    }
    show("live", "Live");
  }

  function hear(event) {
    var message = event.data || {};
    if (rendering && event.source === rendering.contentWindow) {
      if (message.type === "noteyard-rendering-seen") {
        begin();
      } else if (message.type === "noteyard-rendering-scroll" && Number.isFinite(message.y)) {
        scroll = message.y;
      }
      return;
    }
    if (!live || event.source !== live.contentWindow || event.origin !== window.location.origin) {
      return;
    }
    if (message.type === "noteyard-live-progress" && !swapped) {
      showWaiting("starting", "Starting a live session… " + message.cell + " of " + message.cells + ".");
    } else if (message.type === "noteyard-live-ready") {
      swap();
    } else if (message.type === "noteyard-live-ended") {
      show("ended", "The session has ended.", "Start again");
    }
  }

  function act() {
    if (line.dataset.state === "busy") {
      startLive();
    } else {
      window.location.reload();
    }
  }

  function begin() {
    if (begun) {
      return;
    }
    begun = true;
    if (document.body.dataset.state === "ready") {
      startLive();
      window.setTimeout(drawRendering, DRAW_PATIENCE);
    } else {
      showWaiting("starting", "Starting a live session…");
      drawRendering();
      poll();
    }
  }

  function drawRendering() {
    if (rendering) {
      rendering.contentWindow.postMessage({ type: "noteyard-rendering-draw" }, "*");
    }
  }

  // A frame of ours that was led back here (the dashboard fell asleep meanwhile) must not start a shell in the shell.
  if (window.parent !== window) {
    return;
  }
  window.addEventListener("message", hear);
  action.addEventListener("click", act);
  // Renderings of earlier versions do not tell when they are seen.
  window.setTimeout(begin, renderedAt ? SEEN_PATIENCE : 0);
})();
