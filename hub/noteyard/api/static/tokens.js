// The token page: makes and ends tokens by JupyterHub's API.
const { url, xsrf } = document.currentScript.dataset;
const form = document.getElementById("new-token");
const made = document.getElementById("made");
const refused = document.getElementById("refused");

async function ask(method, path, body) {
  const answer = await fetch(url + path, {
    method,
    headers: { "Content-Type": "application/json", "X-XSRFToken": xsrf },
    body: body && JSON.stringify(body),
  });
  if (answer.ok) return answer.status === 204 ? null : answer.json();
  const said = await answer.json().catch(() => ({}));
  throw new Error(said.message || `The hub answered ${answer.status}.`);
}

function refuse(error) {
  refused.hidden = false;
  refused.firstElementChild.textContent = error.message;
}

form.addEventListener("submit", async (event) => {
  event.preventDefault();
  refused.hidden = true;
  const data = new FormData(form);
  try {
    const token = await ask("POST", "", {
      note: data.get("note"),
      expires_in: Number(data.get("expires")) || null,
      scopes: data.get("scopes").split(" "),
    });
    document.getElementById("token").textContent = token.token;
    made.hidden = false;
    form.reset();
  } catch (error) {
    refuse(error);
  }
});

for (const button of document.querySelectorAll("[data-revoke]")) {
  button.addEventListener("click", async () => {
    button.disabled = true;
    try {
      await ask("DELETE", `/${button.dataset.revoke}`);
      button.closest("tr").remove();
    } catch (error) {
      button.disabled = false;
      refuse(error);
    }
  });
}

for (const time of document.querySelectorAll("time")) {
  time.title = time.textContent;
  time.textContent = new Date(time.dateTime).toLocaleString(undefined, { dateStyle: "medium", timeStyle: "short" });
}
