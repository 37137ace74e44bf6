// The list: its rows, its pages, its filters and what is said above it.

const ROWS = 50;
const PRINTED_ROWS = 500;
const STATE_WORDS = /** @type {Record<string, string>} */ ({
  open: "open findings", expired: "open findings with an expired exception", excepted: "findings under an exception",
  all: "failing findings",
});
const CHIP_WORDS = /** @type {Record<string, string>} */ ({
  account: "account", unit: "unit", region: "region", control: "control", requirement: "requirement", owner: "owner",
  action: "action", exception: "exception", late: "late only", q: "search",
});

/**
 * Return a new element with this text and class.
 * @param {string} name
 * @param {string} [text]
 * @param {string} [kind]
 */
function made(name, text = "", kind = "") {
  const it = document.createElement(name);
  if (text) it.textContent = visible(text);
  if (kind) it.className = kind;
  return it;
}

/**
 * Return a text with pictures for control characters, which no font shows, and a mark for what is no character.
 * @param {string} text
 */
function visible(text) {
  return text.replace(/[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]/g, (it) =>
    String.fromCharCode(it === "\x7f" ? 0x2421 : 0x2400 + it.charCodeAt(0))).replace(/[\ud800-\udfff\ufffe\uffff]/gu, "\ufffd");
}

/**
 * Return a count as people read it.
 * @param {number} count
 */
function number(count) {
  return count.toLocaleString("en-US");
}

/** The list of what is asked for, page by page. */
class List {
  /**
   * @param {Findings} findings
   * @param {(asked: Asked) => void} ask
   */
  constructor(findings, ask) {
    this.findings = findings;
    this.ask = ask;
    this.asked = everything();
    /** @type {number[]} */
    this.rows = [];
    this.page = 0;
  }

  get pages() {
    return Math.max(Math.ceil(this.rows.length / ROWS), 1);
  }

  /**
   * Show what is asked for, from its first page.
   * @param {Asked} asked
   */
  show(asked) {
    const before = fragment({ ...this.asked, finding: "" });
    this.asked = asked;
    if (before !== fragment({ ...asked, finding: "" }) || !this.rows.length) {
      this.rows = answered(this.findings, asked);
      this.page = 0;
      this.draw();
    }
  }

  /**
   * Show a page, and put the focus on its first or last row where that is asked for.
   * @param {number} page
   * @param {"first" | "last" | ""} focus
   */
  turn(page, focus = "") {
    this.page = Math.min(Math.max(page, 0), this.pages - 1);
    this.draw();
    const links = this.links();
    if (focus && links.length) links[focus === "first" ? 0 : links.length - 1].focus();
  }

  /** @returns {HTMLAnchorElement[]} */
  links() {
    return Array.from(element("rows").querySelectorAll("a.opens"));
  }

  /** Show the page on which a finding is. */
  reach(/** @type {number} */ row) {
    const place = this.rows.indexOf(row);
    if (place >= 0 && Math.floor(place / ROWS) !== this.page) this.turn(Math.floor(place / ROWS));
  }

  draw() {
    this.drawRows(this.rows.slice(this.page * ROWS, (this.page + 1) * ROWS));
    this.drawCount();
    this.drawChips();
    this.drawPager();
    this.drawHeads();
  }

  /** @param {number[]} rows */
  drawRows(rows) {
    const lines = rows.map((row) => this.line(row));
    if (!lines.length) {
      const cell = made("td", "No finding matches. A resource that accounts share is listed under the account that owns it.", "empty");
      cell.setAttribute("colspan", "9");
      const line = made("tr");
      line.append(cell);
      lines.push(line);
    }
    element("rows").replaceChildren(...lines);
  }

  /** @param {number} row */
  line(row) {
    const { findings } = this;
    const line = made("tr");
    line.dataset.row = String(row);
    const severity = findings.value("severity", row);
    const [id, name] = findings.value("account", row);
    const exception = findings.value("exception", row);
    const title = made("td", "", "prose");
    const link = /** @type {HTMLAnchorElement} */ (made("a", findings.title(row), "opens"));
    link.href = fragment({ ...this.asked, finding: findings.listing.fingerprints[row] });
    title.append(link, made("small", findings.reason(row)));
    const account = made("td", name || id, "name");
    if (name) account.append(made("small", id));
    const due = made("td", findings.isLate(row) ? "" : findings.value("due_on", row) || NOTHING, "nowrap");
    if (findings.isLate(row)) due.append(made("span", `${findings.value("due_on", row)} late`, "tone bad"));
    const cells = [
      this.chip(findings.isOpen(row) ? `severity ${severity}` : "tone quiet", severity), title, account,
      made("td", findings.value("region", row), "nowrap"), made("td", findings.resource(row), "resource"),
      made("td", findings.value("owner", row) || NO_OWNER, "name"), made("td", findings.value("first_seen", row) || NOTHING, "nowrap"),
      due, exception ? this.chip(`tone ${tone(exception[3])}`, exception[3], exception[0]) : made("td"),
    ];
    line.append(...cells);
    return line;
  }

  /**
   * Return a cell with a chip, and a text below it.
   * @param {string} kind
   * @param {string} text
   * @param {string} [below]
   */
  chip(kind, text, below = "") {
    const cell = made("td", "", "nowrap");
    cell.append(made("span", text, kind));
    if (below) cell.append(made("small", below));
    return cell;
  }

  drawCount() {
    const all = total(this.findings, this.asked.state);
    element("count").textContent = `${number(this.rows.length)} of ${number(all)} ${STATE_WORDS[this.asked.state]}`;
  }

  drawChips() {
    const chips = [];
    for (const severity of this.asked.severity) {
      chips.push(this.filterChip(severity, {
        ...this.asked, severity: this.asked.severity.filter((each) => each !== severity),
      }));
    }
    for (const [word, words] of Object.entries(CHIP_WORDS)) {
      const value = this.asked[/** @type {Word} */ (word)];
      if (value) chips.push(this.filterChip(word === "late" ? words : `${words}: ${this.named(word, value)}`, { ...this.asked, [word]: "" }));
    }
    if (chips.length > 1) chips.push(this.filterChip("clear all filters", { ...everything(), sort: this.asked.sort, order: this.asked.order }, "clear"));
    element("chips").replaceChildren(...chips);
  }

  /**
   * Return what a filter's value is called.
   * @param {string} word
   * @param {string} value
   */
  named(word, value) {
    const { listing } = this.findings;
    if (word === "action") {
      const action = listing.actions.find(([id]) => id === value);
      return action ? `${action[1]}, ${action[2]}` : value;
    }
    if (word === "control") return listing.controls[value] ? listing.controls[value][0] : value;
    if (word === "account") {
      const account = listing.names.account.find(([id]) => id === value);
      return account && account[1] ? `${account[1]} (${value})` : value;
    }
    return value;
  }

  /**
   * Return a chip that takes a filter away.
   * @param {string} text
   * @param {Asked} asked
   * @param {string} [kind]
   */
  filterChip(text, asked, kind = "") {
    const item = made("li");
    const button = made("button", text, kind);
    button.setAttribute("type", "button");
    if (!kind) button.setAttribute("aria-label", `Remove the filter ${visible(text)}`);
    button.addEventListener("click", () => {
      this.ask({ ...asked, finding: "" });
      element("findings-title").focus({ preventScroll: true });
    });
    item.append(button);
    return item;
  }

  drawPager() {
    const first = this.rows.length ? this.page * ROWS + 1 : 0;
    const last = Math.min((this.page + 1) * ROWS, this.rows.length);
    element("page").textContent = `${number(first)}–${number(last)} of ${number(this.rows.length)}`;
    const ends = { first: this.page === 0, previous: this.page === 0, next: this.page >= this.pages - 1, last: this.page >= this.pages - 1 };
    for (const [name, disabled] of Object.entries(ends)) {
      const button = /** @type {HTMLButtonElement} */ (element("pager").querySelector(`[data-page=${name}]`));
      button.disabled = disabled;
    }
  }

  drawHeads() {
    for (const button of Array.from(element("list").querySelectorAll("button[data-sort]"))) {
      const head = /** @type {HTMLElement} */ (button.parentElement);
      const name = /** @type {HTMLElement} */ (button).dataset.sort;
      if (name === this.asked.sort) head.setAttribute("aria-sort", this.asked.order === "desc" ? "descending" : "ascending");
      else head.removeAttribute("aria-sort");
    }
  }

  /** Show what is printed: the rows from the first on, up to a sensible number. */
  beforePrint() {
    this.drawRows(this.rows.slice(0, PRINTED_ROWS));
    const shown = Math.min(this.rows.length, PRINTED_ROWS);
    const left = this.rows.length - shown;
    element("print-note").textContent = left
      ? `The first ${number(shown)} of ${number(this.rows.length)} findings that match the filter are printed; ${number(left)} are left out.`
      : `All ${number(shown)} findings that match the filter are printed.`;
  }
}

/**
 * Return the tone of an exception's state.
 * @param {string} state
 */
function tone(state) {
  return { active: "good", expiring: "warn", expired: "bad" }[state] || "quiet";
}

/**
 * Fill the filters with the values that findings have.
 * @param {Findings} findings
 */
function fillFilters(findings) {
  const { names, controls, frameworks } = findings.listing;
  options("account", names.account.map(([id, name]) => [id, name ? `${name} (${id})` : id]));
  options("unit", [...new Set(names.account.map(([, , unit]) => unit || NO_UNIT))].map((it) => [it, it]));
  options("region", names.region.map((it) => [it, it]));
  options("control", names.control.map((it) => [it, controls[it][0]]));
  options("owner", names.owner.map((it) => [it || NO_OWNER, it || NO_OWNER]));
  const used = new Set(names.control.flatMap((it) => controls[it][2]));
  for (const [id, title, requirements] of frameworks) {
    const wanted = requirements.filter(([number]) => used.has(`${id} ${number}`));
    if (!wanted.length) continue;
    const group = document.createElement("optgroup");
    group.label = title;
    group.append(option(id, `all of ${title}`), ...wanted.map(([number, words]) => option(`${id} ${number}`, `${number} ${words}`)));
    element("filter-requirement").append(group);
  }
}

/**
 * Add options to a filter, in the order of their words.
 * @param {string} name
 * @param {[value: string, words: string][]} values
 */
function options(name, values) {
  const ordered = [...values].sort(([, one], [, other]) => (one.toLowerCase() < other.toLowerCase() ? -1 : 1));
  element(`filter-${name}`).append(...ordered.map(([value, words]) => option(value, words)));
}

/**
 * Return an option of a filter.
 * @param {string} value
 * @param {string} words
 */
function option(value, words) {
  const it = document.createElement("option");
  it.value = value;
  it.textContent = visible(words.length > 90 ? `${words.slice(0, 89)}…` : words);
  return it;
}
