(() => {
  "use strict";
  const EVERY = 5000;
  const pause = () => document.getElementById("pause");
  const told = document.getElementById("told");
  let paused = false;
  let hush;

  document.documentElement.classList.add("live");

  function tell(words, wrong) {
    told.textContent = words;
    told.className = wrong ? "wrong" : "";
    told.hidden = false;
    clearTimeout(hush);
    hush = setTimeout(() => { told.hidden = true; }, wrong ? 15000 : 5000);
  }

  function show() {
    pause().textContent = paused ? "Resume refresh" : "Pause refresh";
    pause().setAttribute("aria-pressed", String(paused));
  }

  // Whoever reads or types is not disturbed.
  function busy() {
    const main = document.querySelector("main");
    return document.hidden || String(getSelection()) !== "" || main.querySelector(":focus-visible") !== null;
  }

  async function refresh() {
    const answer = await fetch(location.pathname, { cache: "no-store" });
    if (!answer.ok) throw new Error("the server answers " + answer.status);
    const next = new DOMParser().parseFromString(await answer.text(), "text/html");
    const open = new Set(Array.from(document.querySelectorAll("details[open]"), (each) => each.id));
    next.querySelectorAll("details").forEach((each) => { each.open = open.has(each.id); });
    for (const part of ["main", "#bar"]) {
      document.querySelector(part).replaceWith(document.adoptNode(next.querySelector(part)));
    }
    document.documentElement.classList.remove("stale");
    show();
  }

  function failed(error) {
    document.documentElement.classList.add("stale");
    tell("Not up to date: " + error.message, true);
  }

  async function act(button) {
    const { post, body, confirm: question } = button.dataset;
    const order = JSON.parse(body);
    if (question && !window.confirm(question)) return;
    if ("note" in button.dataset) {
      const note = window.prompt("Why is it given up? The note is kept with it.");
      if (note === null) return;
      order.note = note;
    }
    button.disabled = true;
    try {
      const answer = await fetch(post, {
        method: "POST",
        headers: { "content-type": "application/json" },
        body: JSON.stringify(order),
      });
      const said = await answer.json();
      if (!answer.ok) {
        const details = (said.error.details || []).map((each) => each.message);
        throw new Error([said.error.message, ...details].join(": "));
      }
      tell(button.textContent + ": done" + (said.count === undefined ? "" : ", " + said.count));
      await refresh();
    } catch (error) {
      tell(button.textContent + ": " + error.message, true);
    } finally {
      button.disabled = false;
    }
  }

  document.addEventListener("click", (event) => {
    const button = event.target.closest("button");
    if (!button) return;
    event.preventDefault();
    if (button.id === "pause") {
      paused = !paused;
      show();
    } else {
      act(button);
    }
  });

  setInterval(() => { if (!paused && !busy()) refresh().catch(failed); }, EVERY);
})();
