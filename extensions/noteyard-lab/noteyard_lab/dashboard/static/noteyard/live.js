// A live dashboard's page: shows how far the notebook is, tells the shell when all is drawn, and says when the session
// has ended. Loaded before anything else, because Voila's page calls these functions while it arrives.
//
// Messages to the shell, which has the same origin: {type: "noteyard-live-progress", cell, cells},
// {type: "noteyard-live-ready"} once every output is drawn, {type: "noteyard-live-ended"}.
(function () {
  "use strict";

  var RENEW_SECONDS = 30;
  var LOOK = 10;
  var QUIET = 30;
  var FORMULAS_PATIENCE = 3000;
  var DRAWN_AT_LATEST = 15000;
  var ENDED = 4410;
  var TRIES = 8;
  var ready = false;
  var ended = false;

  function tell(message) {
    if (window.parent !== window) {
      window.parent.postMessage(message, window.location.origin);
    }
  }

  function progress(text) {
    var line = document.getElementById("noteyard-progress");
    if (line) {
      line.textContent = text;
    }
  }

  window.voila_heartbeat = function () {};
  window.voila_process = window.update_loading_text = function (cell, cells) {
    document.body.classList.add("noteyard-preparing");
    progress("Running cell " + cell + " of " + cells + "…");
    tell({ type: "noteyard-live-progress", cell: cell, cells: cells });
  };
  // Voila calls it when the last cell is there, and again when its theme is.
  window.voila_finish = window.display_cells = function () {
    window.cellLoaded = true;
    progress("Drawing…");
  };

  var dark = window.matchMedia("(prefers-color-scheme: dark)");
  function tellTheme() {
    document.body.dataset.jpThemeLight = String(!dark.matches);
    document.body.dataset.jpThemeName = dark.matches ? "JupyterLab Dark" : "JupyterLab Light";
  }
  dark.addEventListener("change", tellTheme);
  document.addEventListener("DOMContentLoaded", function () {
    tellTheme();
    document.querySelector("#noteyard-ended button").addEventListener("click", function () {
      window.location.reload();
    });
  });

  function showReady() {
    if (ready) {
      return;
    }
    ready = true;
    document.body.classList.remove("noteyard-preparing");
    window.dispatchEvent(new Event("resize"));
    tell({ type: "noteyard-live-ready" });
  }

  function outputsAreDrawn() {
    if (document.querySelector('script[type="application/vnd.voila.cell-output+json"]')) {
      return false;
    }
    return !Array.from(document.querySelectorAll(".jp-OutputArea-output")).some(function (output) {
      return output.childElementCount === 0 && output.textContent === "Loading widget...";
    });
  }

  function formulasAreDrawn() {
    return !Array.from(document.querySelectorAll(".jp-MarkdownOutput, .jp-RenderedLatex")).some(function (text) {
      return !text.querySelector("mjx-container") && /\$[^$]+\$|\\\(|\\\[|\\begin\{/.test(text.textContent);
    });
  }

  // Drawn: every output and widget is there, formulas too or they are taking too long, and nothing has moved lately.
  function waitUntilDrawn() {
    var moved = performance.now();
    var outputsDrawn = null;
    var latest = moved + DRAWN_AT_LATEST;
    var observer = new MutationObserver(function () {
      moved = performance.now();
    });
    observer.observe(document.getElementById("rendered_cells"), { childList: true, subtree: true, attributes: true });
    var timer = window.setInterval(function () {
      var now = performance.now();
      outputsDrawn = outputsAreDrawn() ? outputsDrawn || now : null;
      var formulas = formulasAreDrawn() || (outputsDrawn !== null && now - outputsDrawn > FORMULAS_PATIENCE);
      if ((outputsDrawn !== null && formulas && now - moved > QUIET) || now > latest) {
        window.clearInterval(timer);
        observer.disconnect();
        document.fonts.ready.then(showReady);
      }
    }, LOOK);
  }

  function showEnded() {
    if (ended) {
      return;
    }
    ended = true;
    document.getElementById("noteyard-ended").hidden = false;
    document.body.classList.remove("noteyard-preparing");
    tell({ type: "noteyard-live-ended" });
  }

  function kernelId() {
    return JSON.parse(document.getElementById("jupyter-config-data").textContent).kernelId;
  }

  // Each answer lets the websocket live on. 404: the session is gone. Anything else may pass: try again a few times.
  function renew(failures) {
    var base = document.body.dataset.baseUrl.replace(/voila\/$/, "");
    function failed() {
      if (failures + 1 >= TRIES) {
        showEnded();
      } else {
        window.setTimeout(renew, 500 * Math.pow(2, Math.min(failures, 4)), failures + 1);
      }
    }
    if (ended) {
      return;
    }
    window.fetch(base + "session/" + kernelId(), { cache: "no-store" }).then(function (answer) {
      if (answer.ok) {
        window.setTimeout(renew, RENEW_SECONDS * 1000, 0);
      } else if (answer.status === 404) {
        showEnded();
      } else {
        failed();
      }
    }, failed);
  }

  // Voila's connection tries again by itself when it breaks; only the launcher's own close code is final.
  var Native = window.WebSocket;
  window.WebSocket = class extends Native {
    constructor(url, protocols) {
      super(url, protocols);
      if (String(url).includes("/api/kernels/")) {
        this.addEventListener("close", function (event) {
          if (event.code === ENDED) {
            showEnded();
          }
        });
      }
    }
  };

  window.addEventListener("load", function () {
    if (!document.getElementById("jupyter-config-data")) {
      showEnded();
      return;
    }
    window.setTimeout(renew, RENEW_SECONDS * 1000, 0);
    waitUntilDrawn();
  });
})();
