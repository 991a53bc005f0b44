// Uploads a notebook with its files as a release; checksums are computed here, so that what arrives is what was sent.
(function () {
  "use strict";

  var form = document.getElementById("upload-form");
  var status = document.getElementById("upload-status");
  var bar = document.getElementById("upload-progress");
  var button = form.querySelector("button");

  function say(text, bad) {
    status.textContent = text;
    status.className = bad ? "note bad" : "small-text";
    button.disabled = !bad && text !== "";
    bar.hidden = bad || text === "";
  }

  function hex(buffer) {
    return Array.from(new Uint8Array(buffer)).map(function (byte) { return byte.toString(16).padStart(2, "0"); }).join("");
  }

  function describe(file) {
    return file.arrayBuffer().then(function (content) { return crypto.subtle.digest("SHA-256", content); }).then(function (digest) {
      return { path: file.name, sha256: hex(digest), size: file.size };
    });
  }

  function problem(request) {
    try {
      var body = JSON.parse(request.responseText);
      return [body.detail, body.hint].filter(Boolean).join(" ");
    } catch (error) {
      return "The upload was not taken (" + (request.status || "no connection") + "). Try again.";
    }
  }

  function send(manifest, files) {
    var data = new FormData();
    data.append("manifest", JSON.stringify(manifest));
    files.forEach(function (file) { data.append("file", file, file.name); });
    var request = new XMLHttpRequest();
    request.open("POST", "/api/v1/releases");
    request.upload.addEventListener("progress", function (event) {
      if (event.lengthComputable) {
        bar.value = event.loaded / event.total;
        say("Sending: " + Math.round(100 * event.loaded / event.total) + " %");
      }
    });
    request.addEventListener("load", function () {
      if (request.status >= 300) { say(problem(request), true); return; }
      say("Done.");
      window.location.assign(form.dataset.next + "?release=" + JSON.parse(request.responseText).id);
    });
    request.addEventListener("error", function () { say(problem(request), true); });
    request.send(data);
  }

  form.addEventListener("submit", function (event) {
    event.preventDefault();
    var notebook = document.getElementById("upload-notebook").files[0];
    var others = Array.from(document.getElementById("upload-files").files).filter(function (file) { return file.name !== notebook.name; });
    var files = [notebook].concat(others);
    if (!window.crypto || !crypto.subtle) {
      say("This browser computes checksums only for addresses with https. Use `yard run` in your lab.", true);
      return;
    }
    say("Computing checksums …");
    Promise.all(files.map(describe)).then(function (described) {
      send({ notebook: notebook.name, files: described }, files);
    }).catch(function (error) { say("The files can't be read: " + error.message, true); });
  });
})();
