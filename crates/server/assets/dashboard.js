// What makes pages quicker to work with. Everything can be read, and every form sent, without it.
"use strict";
(() => {
  const root = document.documentElement;
  root.classList.add("scripted");

  // An open page asks for its own address anew when something has changed, and takes over the parts that
  // are live. A page that nobody looks at has no stream: a browser has few connections.
  let events;
  let isFetching = false;
  let isStale = false;
  let isLeaving = false;

  // Whoever signs out is on the way already: word that the session is over must not lead elsewhere meanwhile.
  document.addEventListener("submit", (event) => {
    if (event.target.getAttribute("hx-boost") !== "false") return;
    isLeaving = true;
    events?.close();
  });

  const refresh = async () => {
    if (!document.querySelector("[data-live]")) return;
    if (isFetching) {
      isStale = true;
      return;
    }
    isFetching = true;
    try {
      do {
        isStale = false;
        await takeOver(location.href);
      } while (isStale);
    } catch {
      // The server is away; the next word of it brings the rest.
    } finally {
      isFetching = false;
    }
  };

  const takeOver = async (address) => {
    const answer = await fetch(address, { headers: { "HX-Request": "true", "HX-Trigger": "live" } });
    const elsewhere = answer.headers.get("HX-Redirect");
    if (elsewhere) {
      if (!isLeaving) location.assign(elsewhere);
      return;
    }
    const page = new DOMParser().parseFromString(await answer.text(), "text/html");
    if (!answer.ok || address !== location.href) return;
    for (const now of document.querySelectorAll("[data-live][id]")) {
      const next = page.getElementById(now.id);
      const focused = now.contains(document.activeElement) ? document.activeElement : undefined;
      // What somebody is at work on stays.
      if (!next || focused?.matches("input, textarea, select") || now.querySelector(".menu[open]")) continue;
      for (const open of now.querySelectorAll("details[open][id]")) {
        next.querySelector(`#${CSS.escape(open.id)}`)?.setAttribute("open", "");
      }
      now.replaceWith(document.adoptNode(next));
      window.htmx?.process(next);
      if (focused?.id) document.getElementById(focused.id)?.focus();
    }
  };

  const listen = () => {
    events?.close();
    events = undefined;
    if (document.hidden || !document.querySelector(".frame")) return;
    events = new EventSource("/dashboard/events");
    events.addEventListener("change", refresh);
    // Whatever happened while nobody listened; also where the session is over.
    events.addEventListener("open", async () => {
      await refresh();
      root.dataset.live = "";
    });
    events.addEventListener("error", () => {
      if (events?.readyState === EventSource.CLOSED) refresh();
    });
  };
  // What rings no bell: an operator's command, another node, the days before.
  setInterval(() => document.hidden || refresh(), 15_000);
  document.addEventListener("visibilitychange", listen);
  window.addEventListener("pagehide", () => events?.close());
  window.addEventListener("pageshow", (event) => {
    if (!event.persisted) return;
    isLeaving = false;
    listen();
  });
  listen();

  // Times that were told as "3 min ago" go on.
  const UNITS = [[86400, "d"], [3600, "h"], [60, "min"], [1, "s"]];
  const tell = () => {
    for (const time of document.querySelectorAll("time[datetime]")) {
      const seconds = (Date.now() - Date.parse(time.dateTime)) / 1000;
      const [size, unit] = UNITS.find(([size]) => Math.abs(seconds) >= size) ?? [1, ""];
      const span = `${Math.floor(Math.abs(seconds) / size)}\u00a0${unit}`;
      const text = unit === "" ? "now" : seconds > 0 ? `${span} ago` : `in ${span}`;
      if (time.textContent !== text) time.textContent = text;
    }
  };
  setInterval(tell, 10_000);

  // Ids and commands are copied by a click.
  const say = (text) => {
    const said = document.getElementById("said");
    if (said) said.textContent = text;
  };
  document.addEventListener("click", async (event) => {
    const copy = event.target.closest("[data-copy]");
    if (copy && !navigator.clipboard) {
      // Over plain http a browser lets nobody write there: it is marked, for the person to copy.
      getSelection().selectAllChildren(copy.previousElementSibling);
    } else if (copy) {
      await navigator.clipboard.writeText(copy.dataset.copy);
      copy.classList.add("done");
      copy.textContent = "Copied";
      say("Copied");
      setTimeout(() => {
        copy.classList.remove("done");
        copy.textContent = "Copy";
      }, 1200);
    }
    const show = event.target.closest("[data-show]");
    if (show) document.getElementById(show.dataset.show)?.showModal();
    // A menu closes when somebody goes on elsewhere.
    for (const menu of document.querySelectorAll("details.menu[open]")) {
      if (!menu.contains(event.target) || show) menu.open = false;
    }
  });

  // `g` and a letter go to a page, `/` to its filter, `?` shows them all. A page's own keys are data-press.
  let isGoing = false;
  document.addEventListener("toggle", (event) => {
    if (event.target.matches("details.menu[open]")) event.target.querySelector("input:not([type=hidden])")?.focus();
  }, true);
  document.addEventListener("keydown", (event) => {
    const isTyping = event.target.closest("input, textarea, select, [contenteditable]");
    if (event.key === "Escape") {
      for (const menu of document.querySelectorAll("details.menu[open]")) menu.open = false;
    }
    if (isTyping || event.ctrlKey || event.metaKey || event.altKey || document.querySelector("dialog[open]")) return;
    const wasGoing = isGoing;
    isGoing = event.key === "g" && !wasGoing;
    const key = CSS.escape(event.key);
    const found = wasGoing
      ? document.querySelector(`a[data-key="${key}"]`)
      : document.querySelector(`[data-press="${key}"]`);
    const place = document.querySelector(`[data-focus="${key}"]`);
    if (found) {
      event.preventDefault();
      found.click();
    } else if (place && !wasGoing) {
      // What cannot be taken back is only gone to by a key, and done by another.
      event.preventDefault();
      place.focus();
    } else if (event.key === "?") {
      document.getElementById("keys")?.showModal();
    } else if (event.key === "/") {
      const filter = document.querySelector("[data-filter]");
      if (filter) {
        event.preventDefault();
        filter.focus();
      }
    }
  });

  // A page that was swapped in begins at its top, and is told to whoever does not see it.
  document.addEventListener("htmx:afterSettle", () => {
    root.classList.add("scripted");
    if (!events || events.readyState === EventSource.CLOSED) listen();
  });
})();
