// Shows what the lab has to tell (noteyard_lab/lab/notices.py) as JupyterLab's notifications: each while it is true.
// Written as JupyterLab loads it, by hand: it uses nothing but the application's commands.
(() => {
  "use strict";
  const SECONDS = 10;

  const plugin = {
    id: "noteyard-notices:plugin",
    description: "Shows what a Noteyard lab has to tell.",
    autoStart: true,
    activate: (app) => {
      const shown = new Map();
      const url = `${app.serviceManager.serverSettings.baseUrl}noteyard/notices`;
      app.restored.then(() => look(app, url, shown));
    },
  };

  async function look(app, url, shown) {
    try {
      // Without the token the lab takes a request by cookie for one of another page's.
      const token = document.cookie.match(/(?:^|; )_xsrf=([^;]*)/)?.[1] ?? "";
      const answer = await fetch(url, { credentials: "same-origin", headers: { "X-XSRFToken": token } });
      if (answer.ok) {
        await show(app, (await answer.json()).notices, shown);
      }
    } catch (error) {
      // The lab's server is away, which JupyterLab tells by itself.
      console.debug("noteyard-notices", error);
    }
    setTimeout(() => look(app, url, shown), SECONDS * 1000);
  }

  async function show(app, notices, shown) {
    for (const [subject, { id }] of [...shown]) {
      if (!(subject in notices)) {
        await app.commands.execute("apputils:dismiss-notification", { id });
        shown.delete(subject);
      }
    }
    for (const [subject, message] of Object.entries(notices)) {
      if (shown.get(subject)?.message === message) {
        continue; // also when the person has closed it
      }
      if (shown.has(subject)) {
        await app.commands.execute("apputils:dismiss-notification", { id: shown.get(subject).id });
      }
      const options = { autoClose: false };
      const id = await app.commands.execute("apputils:notify", { message, type: "warning", options });
      shown.set(subject, { id, message });
    }
  }

  window._JUPYTERLAB = window._JUPYTERLAB || {};
  window._JUPYTERLAB["noteyard-notices"] = { init: () => undefined, get: async () => () => ({ __esModule: true, default: plugin }) };
})();
