// Shows a rule's next due times while it is typed.
(function () {
  "use strict";

  var cron = document.getElementById("f-cron");
  var zone = document.getElementById("f-timezone");
  var here = document.getElementById("upcoming");
  var timer = 0;
  var asked = 0;

  function show() {
    asked += 1;
    var mine = asked;
    var query = new URLSearchParams({ cron: cron.value, timezone: zone.value });
    fetch("/portal/schedules/preview?" + query, { headers: { Accept: "text/html" } })
      .then(function (answer) { return answer.text(); })
      .then(function (text) { if (mine === asked) { window.noteyard.replace(here, text); } })
      .catch(function () { here.textContent = "The due times can't be shown: no connection."; });
  }

  function soon() {
    window.clearTimeout(timer);
    timer = window.setTimeout(show, 250);
  }

  cron.addEventListener("input", soon);
  zone.addEventListener("input", soon);
  document.addEventListener("noteyard:ready", show);
})();
