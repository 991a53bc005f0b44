// A run's page while the run goes on: its state, and its log, which is capped in the page.
(function () {
  "use strict";

  var MOST_LINES = 4000;
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

  function say(text) { if (status.textContent !== text) { status.textContent = text; } }

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
    if (dropped) { say("The last " + lines.toLocaleString() + " lines; " + dropped.toLocaleString() + " earlier ones are in the whole log."); }
    if (follow.checked) { log.scrollTop = log.scrollHeight; }
  }

  function add(event) {
    var data = JSON.parse(event.data);
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

  function part(name) {
    return fetch(base + "/" + name, { redirect: "error" }).then(function (answer) {
      return answer.ok ? answer.text() : null;
    }).then(function (text) {
      var here = document.getElementById("run-" + name);
      if (text === null) { return; }
      window.noteyard.replace(here, text);
    });
  }

  function changed() {
    if (asked) { return; }
    asked = true;
    window.setTimeout(function () { asked = false; part("state").catch(function () { say("The connection is interrupted; trying again."); }); }, 300);
  }

  function start() {
    if (!log) { return; }
    var source = new EventSource("/api/v1/runs/" + encodeURIComponent(page.dataset.run) + "/events");
    var over = page.dataset.over === "yes";
    source.addEventListener("log", add);
    source.addEventListener("run", function () { if (!over) { changed(); } });
    source.addEventListener("open", function () { if (!dropped) { say(over ? "" : "live"); } });
    source.addEventListener("error", function () { say("The connection is interrupted; trying again."); });
    source.addEventListener("end", function () {
      source.close();
      if (!dropped) { say(""); }
      if (!log.childNodes.length && !waiting) { log.textContent = "The log is empty."; }
      if (!over) { over = true; part("state"); part("result"); }
    });
    log.addEventListener("scroll", function () {
      if (log.scrollTop + log.clientHeight < log.scrollHeight - 40) { follow.checked = false; }
    });
    follow.addEventListener("change", function () { if (follow.checked) { log.scrollTop = log.scrollHeight; } });
  }

  start();
})();
