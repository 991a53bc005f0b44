// The portal's small liveliness: local times, running clocks, confirmations, parts that refresh, previews.
(function () {
  "use strict";

  var zone = Intl.DateTimeFormat().resolvedOptions().timeZone;
  var format = new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "short" });

  function localTimes(root) {
    root.querySelectorAll("time[datetime]").forEach(function (element) {
      var moment = new Date(element.getAttribute("datetime"));
      if (!isNaN(moment)) {
        element.textContent = format.format(moment);
        element.title = moment.toISOString().replace("T", " ").replace(/\.\d+Z$/, " UTC");
      }
    });
  }

  function words(seconds) {
    if (seconds < 60) { return seconds.toFixed(0) + " s"; }
    if (seconds < 3600) { return Math.floor(seconds / 60) + " min " + Math.floor(seconds % 60) + " s"; }
    return Math.floor(seconds / 3600) + " h " + Math.floor((seconds % 3600) / 60) + " min";
  }

  function clocks() {
    document.querySelectorAll("[data-since]").forEach(function (element) {
      element.textContent = words(Math.max(0, (Date.now() - new Date(element.dataset.since)) / 1000));
    });
  }

  // What scrolls sideways must be reached by keyboard.
  function reachable(root) {
    root.querySelectorAll(".scroll").forEach(function (element) {
      if (element.scrollWidth > element.clientWidth) { element.tabIndex = 0; }
    });
  }

  // Puts the answer of a part's address in its place; of a whole page, what has the same id.
  function replace(here, text) {
    var parsed = new DOMParser().parseFromString(text, "text/html");
    var same = here.id && parsed.getElementById(here.id);
    here.replaceChildren.apply(here, Array.from((same || parsed.body).childNodes));
    localTimes(here);
    clocks();
    reachable(here);
  }

  // The HTML at a part's address; null when there is none now.
  function part(address) {
    return fetch(address, { headers: { Accept: "text/html" }, redirect: "manual" }).then(function (answer) {
      if (answer.type === "opaqueredirect") { window.location.reload(); } // logged out meanwhile
      return answer.ok ? answer.text() : null;
    });
  }

  function refresh(section) {
    var here = section.querySelector("[data-refresh-here]");
    var wait = Number(section.dataset.refreshSeconds) * 1000;
    var last = null;
    function again() { window.setTimeout(turn, wait); }
    function turn() {
      if (document.hidden) { again(); return; }
      part(section.dataset.refresh).then(function (text) {
        if (text !== null && text !== last && !here.contains(document.activeElement)) {
          replace(here, text);
          last = text;
        }
        if (!here.querySelector("[data-refresh-done]")) { again(); }
      }, again);
    }
    again();
  }

  document.addEventListener("submit", function (event) {
    var question = event.target.dataset.confirm;
    if (question && !window.confirm(question)) { event.preventDefault(); }
  });

  document.addEventListener("change", function (event) {
    var form = event.target.closest("form[data-submit-on-change]");
    if (form) { form.requestSubmit(); }
  });

  // What was said after a change is said once, not again when the page is loaded again.
  function forgetWhatWasDone() {
    var address = new URL(window.location.href);
    if (address.searchParams.has("done")) {
      address.searchParams.delete("done");
      address.searchParams.delete("mark");
      window.history.replaceState(null, "", address);
    }
  }

  // Names that begin with what is typed; data-names is the name of the field that says "person" or "group".
  function suggest(input) {
    var asked = "";
    input.addEventListener("input", function () {
      var kind = input.dataset.names ? input.form.elements[input.dataset.names].value : "person";
      var question = new URLSearchParams({ kind: kind, start: input.value }).toString();
      asked = question;
      if (!input.value) { input.list.replaceChildren(); return; }
      fetch("/portal/names?" + question, { headers: { Accept: "application/json" }, redirect: "manual" })
        .then(function (answer) { return answer.ok ? answer.json() : []; }, function () { return []; })
        .then(function (names) {
          if (asked !== question) { return; }
          input.list.replaceChildren.apply(input.list, names.map(function (name) { return new Option("", name); }));
        });
    });
  }

  function start() {
    forgetWhatWasDone();
    document.querySelectorAll("[data-zone]").forEach(function (element) { element.textContent = zone; });
    document.querySelectorAll("input[data-local-zone]").forEach(function (element) { if (!element.value) { element.value = zone; } });
    localTimes(document);
    clocks();
    reachable(document);
    window.setInterval(clocks, 1000);
    document.querySelectorAll("[data-refresh]").forEach(refresh);
    document.querySelectorAll("input[data-names]").forEach(suggest);
    document.dispatchEvent(new Event("noteyard:ready"));
  }
  window.noteyard = { localTimes: localTimes, part: part, replace: replace };
  document.addEventListener("DOMContentLoaded", start);
})();
