// A run's page while the run goes on: its state, and its log, which is capped in the page.
(function () {
  "use strict";

  var MOST_LINES = 4000;
  var FIRST_PAUSE = 1000;
  var LONGEST_PAUSE = 30000;
  var page = document.getElementById("run");
  var log = document.getElementById("log");
  var follow = document.getElementById("log-follow");
  var status = document.getElementById("log-status");
  var base = "/portal/runs/" + encodeURIComponent(page.dataset.run);
  var waiting = "";
  var lines = 0;
  var dropped = 0;
  var attempt = 0;
  var drawing = false;
  var asked = false;
  var over = page.dataset.over === "yes";
  var source = null;
  var ended = false;
  var position = "";
  var pause = FIRST_PAUSE;
  var timer = null;

  function say(text) { if (status.textContent !== text) { status.textContent = text; } }

  function sayStanding() {
    if (dropped) {
      say("The last " + lines.toLocaleString() + " lines; " + dropped.toLocaleString() + " earlier ones are in the whole log.");
    } else {
      say(over ? "" : "live");
    }
  }

  function count(text) { return text.split("\n").length - 1; }

  function lastLines(text) {
    var cut = text.length;
    for (var kept = 0; kept <= MOST_LINES && cut > 0; kept += 1) { cut = text.lastIndexOf("\n", cut - 1); }
    return cut > 0 ? text.slice(cut + 1) : text;
  }

  function draw() {
    drawing = false;
    var text = lastLines(waiting);
    dropped += count(waiting) - count(text);
    waiting = "";
    if (!text) { return; }
    var piece = document.createElement("span");
    piece.textContent = text;
    piece.dataset.lines = count(text);
    log.appendChild(piece);
    lines += count(text);
    while (log.childNodes.length > 1 && lines > MOST_LINES) {
      var gone = Number(log.firstChild.dataset.lines);
      log.firstChild.remove();
      lines -= gone;
      dropped += gone;
    }
    if (dropped) { sayStanding(); }
    if (follow.checked) { log.scrollTop = log.scrollHeight; }
  }

  function add(event) {
    var data = JSON.parse(event.data);
    position = event.lastEventId;
    if (data.attempt !== attempt) {
      attempt = data.attempt;
      log.replaceChildren();
      waiting = "";
      lines = dropped = 0;
    }
    waiting += data.text;
    if (waiting.length > 8000000) { var text = lastLines(waiting); dropped += count(waiting) - count(text); waiting = text; }
    if (!drawing) { drawing = true; window.setTimeout(draw, 100); }
  }

  // Shows the newest of a part of the page, as soon as it can be had.
  function renew(name, wait) {
    function again() { window.setTimeout(renew, wait, name, Math.min(LONGEST_PAUSE, 2 * wait)); }
    window.noteyard.part(base + "/" + name).then(function (text) {
      if (text === null) { again(); return; }
      window.noteyard.replace(document.getElementById("run-" + name), text);
    }, again);
  }

  function changed() {
    if (asked) { return; }
    asked = true;
    window.setTimeout(function () { asked = false; renew("state", FIRST_PAUSE); }, 300);
  }

  function close() {
    window.clearTimeout(timer);
    if (source) { source.close(); }
    source = null;
  }

  // The browser asks again by itself where nobody answered, but never after an answer that is a refusal. That may be
  // of an edge whose api is away, or say that the session has ended: then the part's answer leads to the login.
  function retry() {
    close();
    timer = window.setTimeout(function () { window.noteyard.part(base + "/state").then(open, open); }, pause);
    pause = Math.min(LONGEST_PAUSE, 2 * pause);
  }

  function end() {
    ended = true;
    close();
    if (!log.childNodes.length && !waiting) { log.textContent = "The log is empty."; }
    if (!over) { over = true; renew("state", FIRST_PAUSE); renew("result", FIRST_PAUSE); }
    sayStanding();
  }

  // A browser has few connections for a host: pages that nobody looks at leave them to others, and go on when shown.
  function open() {
    if (source || ended || document.hidden) { return; }
    var address = "/api/v1/runs/" + encodeURIComponent(page.dataset.run) + "/events";
    source = new EventSource(position ? address + "?after=" + position : address);
    source.addEventListener("log", add);
    source.addEventListener("run", function (event) {
      position = event.lastEventId;
      if (!over) { changed(); }
    });
    source.addEventListener("open", function () { pause = FIRST_PAUSE; sayStanding(); });
    source.addEventListener("error", function () {
      say("The connection is interrupted; trying again.");
      if (source.readyState === EventSource.CLOSED) { retry(); }
    });
    source.addEventListener("end", end);
  }

  function start() {
    if (!log) { return; }
    document.addEventListener("visibilitychange", function () { if (document.hidden) { close(); } else { open(); } });
    log.addEventListener("scroll", function () {
      if (log.scrollTop + log.clientHeight < log.scrollHeight - 40) { follow.checked = false; }
    });
    follow.addEventListener("change", function () { if (follow.checked) { log.scrollTop = log.scrollHeight; } });
    open();
  }

  start();
})();
