// Suggests the name in a dashboard's link from its title (as `slug_from` does), until somebody writes their own.
(function () {
  "use strict";

  var title = document.getElementById("f-title");
  var slug = document.getElementById("f-slug");

  function suggestion(text) {
    var plain = text.normalize("NFKD").replace(/\p{M}/gu, "").toLowerCase().replace(/[^a-z0-9]+/g, "-");
    return plain.replace(/^-+|-+$/g, "").slice(0, 50).replace(/-+$/, "");
  }

  function suggest() { if (!own) { slug.value = suggestion(title.value); } }

  // The title may have changed before this script came: what the server wrote tells whether the name is its suggestion.
  var servers = slug.value === slug.defaultValue && slug.value === suggestion(title.defaultValue);
  var own = slug.value !== "" && !servers && slug.value !== suggestion(title.value);
  slug.addEventListener("input", function () { own = slug.value !== ""; });
  title.addEventListener("input", suggest);
  suggest();
})();
