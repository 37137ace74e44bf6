// What happens when the page is opened, a filter changes, a key is pressed, and the page is printed.

const TYPING = 120;

/** Unpack the findings, and let the page answer from then on. */
async function start() {
  element("loading").hidden = false;
  const findings = new Findings(/** @type {Listing} */ (await unpacked("packed-list")));
  const list = new List(findings, ask);
  const panel = new Panel(findings, (finding) => ask({ ...list.asked, finding }));
  const form = /** @type {HTMLFormElement} */ (element("filters"));
  fillFilters(findings);

  /**
   * Show what is asked for, and put it into the address.
   * @param {Asked} asked
   */
  function ask(asked) {
    history.pushState(null, "", fragment(asked));
    answer(asked);
  }

  /**
   * Show what is asked for.
   * @param {Asked} asked
   */
  function answer(asked) {
    list.show(asked);
    fillForm(form, asked);
    const row = asked.finding ? findings.row(asked.finding) : -1;
    if (row >= 0) list.reach(row);
    const before = panel.shown;
    void panel.show(asked.finding, list.rows).then(() => {
      if (before && !asked.finding) refocus(before);
    });
  }

  /**
   * Put the focus on the row of a finding that was closed.
   * @param {string} fingerprint
   */
  function refocus(fingerprint) {
    const row = String(findings.row(fingerprint));
    const link = list.links().find((each) => each.closest("tr")?.dataset.row === row);
    (link || element("findings-title")).focus();
  }

  /** Show what the address asks: nothing where it is empty; a place of the page leaves the list as it is. */
  function follow() {
    const asks = location.hash.includes("=");
    const asked = parsed(location.hash);
    if (asked) answer(asked);
    if (asks && asked && !asked.finding) {
      element("findings").scrollIntoView();
      element("findings-title").focus({ preventScroll: true });
    }
  }

  listen(form, list, ask);
  window.addEventListener("hashchange", follow);
  window.addEventListener("beforeprint", () => list.beforePrint());
  window.addEventListener("afterprint", () => list.draw());
  element("explorer").hidden = false;
  element("loading").hidden = true;
  answer(everything());
  follow();
  document.documentElement.dataset.ready = "yes";
}

/**
 * Put what is asked into the filters.
 * @param {HTMLFormElement} form
 * @param {Asked} asked
 */
function fillForm(form, asked) {
  for (const field of Array.from(form.elements)) {
    if (field instanceof HTMLSelectElement) field.value = asked[/** @type {Word} */ (field.name)];
    if (!(field instanceof HTMLInputElement)) continue;
    if (field.name === "severity") field.checked = asked.severity.includes(field.value);
    else if (field.name === "late") field.checked = asked.late !== "";
    else if (document.activeElement !== field) field.value = asked.q;
  }
}

/**
 * Return what the filters ask.
 * @param {HTMLFormElement} form
 * @param {Asked} before
 * @returns {Asked}
 */
function given(form, before) {
  const data = new FormData(form);
  const asked = { ...before, finding: "", late: String(data.get("late") || "") };
  asked.severity = data.getAll("severity").map(String);
  for (const name of /** @type {Word[]} */ (["q", "state", "account", "unit", "region", "control", "requirement", "owner"])) {
    asked[name] = String(data.get(name) || "").trim();
  }
  return asked;
}

/**
 * Let the filters, the heads, the pager and the keys act.
 * @param {HTMLFormElement} form
 * @param {List} list
 * @param {(asked: Asked) => void} ask
 */
function listen(form, list, ask) {
  let typing = 0;
  form.addEventListener("submit", (event) => event.preventDefault());
  form.addEventListener("input", (event) => {
    clearTimeout(typing);
    const typed = event.target instanceof HTMLInputElement && event.target.type === "search";
    typing = setTimeout(() => ask(given(form, list.asked)), typed ? TYPING : 0);
  });
  element("list").addEventListener("click", (event) => {
    const target = /** @type {HTMLElement} */ (event.target);
    const sort = target.closest("button")?.dataset.sort;
    if (sort) ask({ ...list.asked, ...turned(list.asked, sort) });
    else if (!target.closest("a") && !String(getSelection())) target.closest("tr")?.querySelector("a")?.click();
  });
  element("rows").addEventListener("keydown", (event) => move(event, list));
  element("pager").addEventListener("click", (event) => {
    const page = /** @type {HTMLElement} */ (event.target).dataset.page;
    const pages = /** @type {Record<string, number>} */ ({
      first: 0, previous: list.page - 1, next: list.page + 1, last: list.pages - 1,
    });
    if (page) list.turn(pages[page]);
  });
}

/**
 * Return the order after a column's head was pressed: ascending, descending, then the report's own.
 * @param {Asked} asked
 * @param {string} sort
 */
function turned(asked, sort) {
  if (asked.sort !== sort) return { sort, order: "" };
  return asked.order === "desc" ? { sort: "", order: "" } : { sort, order: "desc" };
}

/**
 * Move between rows and pages.
 * @param {KeyboardEvent} event
 * @param {List} list
 */
function move(event, list) {
  const links = list.links();
  const at = links.indexOf(/** @type {HTMLAnchorElement} */ (document.activeElement));
  const steps = /** @type {Record<string, number>} */ ({ ArrowDown: at + 1, ArrowUp: at - 1, Home: 0, End: links.length - 1 });
  if (event.key in steps && at >= 0) {
    event.preventDefault();
    const to = steps[event.key];
    if (links[to]) links[to].focus();
    else if (to < 0 && list.page > 0) list.turn(list.page - 1, "last");
    else if (to >= links.length && list.page < list.pages - 1) list.turn(list.page + 1, "first");
  } else if (event.key === "PageDown" || event.key === "PageUp") {
    event.preventDefault();
    list.turn(list.page + (event.key === "PageDown" ? 1 : -1), "first");
  }
}

void start();
