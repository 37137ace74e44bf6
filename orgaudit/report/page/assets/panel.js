// The panel of one finding: why it fails, the evidence, the three fixes, and whose it is.

const PATHS = ["This resource", "The whole service", "Keep it from coming back"];

/** The panel; it is a dialog, so Escape closes it and the focus stays in it. */
class Panel {
  /**
   * @param {Findings} findings
   * @param {(finding: string) => void} go
   */
  constructor(findings, go) {
    this.findings = findings;
    this.go = go;
    this.dialog = /** @type {HTMLDialogElement} */ (element("panel"));
    this.shown = "";
    this.dialog.addEventListener("close", () => {
      if (this.shown) this.go("");
    });
    this.dialog.addEventListener("click", (event) => {
      if (event.target === this.dialog) this.dialog.close();
    });
  }

  /**
   * Show a finding, or close the panel where none is named.
   * @param {string} fingerprint
   * @param {number[]} rows
   */
  async show(fingerprint, rows) {
    this.shown = fingerprint;
    if (!fingerprint) {
      this.dialog.close();
      return;
    }
    const row = this.findings.row(fingerprint);
    const content = row < 0 ? this.missing(fingerprint) : await this.content(row, rows);
    if (this.shown !== fingerprint) return;
    element("panel-content").replaceChildren(...content);
    this.dialog.scrollTop = 0;
    if (!this.dialog.open) this.dialog.showModal();
    element("panel-title").focus();
  }

  /** @param {string} fingerprint */
  missing(fingerprint) {
    return [
      this.bar([]), this.title("This finding is not on this page"),
      made("p", `No failing finding of this page has the fingerprint ${fingerprint}: it is fixed, was not assessed, or was left out. report.json has every finding of the run.`),
    ];
  }

  /** @param {string} text */
  title(text) {
    const title = made("h2", text);
    title.id = "panel-title";
    title.tabIndex = -1;
    return title;
  }

  /**
   * Return the buttons at the top.
   * @param {HTMLElement[]} more
   */
  bar(more) {
    const bar = made("div", "", "bar");
    bar.append(...more, button("Close", () => this.dialog.close(), "close"));
    return bar;
  }

  /**
   * Return what the panel shows of a finding.
   * @param {number} row
   * @param {number[]} rows
   */
  async content(row, rows) {
    const { findings } = this;
    const { type, evidence, remedies, reopened } = await findings.opened(row);
    const fingerprint = findings.listing.fingerprints[row];
    const control = findings.value("control", row);
    const [title, rationale, requirements] = findings.listing.controls[control];
    const link = new URL(`#finding=${fingerprint}`, location.href).href;
    const reason = made("p", findings.reason(row), "reason");
    const why = made("p", rationale, "note");
    return [
      this.bar([this.step("Previous", row, rows, -1), this.step("Next", row, rows, 1), copying("Copy link", link)]),
      this.heading(row), this.title(title), reason, why,
      this.facts(row, type, reopened),
      section("Evidence", evidenceTable(evidence)),
      section("Fixes", ...remediesOf(remedies)),
      section("Requirements", list(requirements)),
      facts([["Control", control], ["Fingerprint", fingerprint]]),
    ];
  }

  /** @param {number} row */
  heading(row) {
    const severity = this.findings.value("severity", row);
    const line = made("p", "", "tags");
    line.append(made("span", severity, `severity ${severity}`));
    line.append(made("span", this.findings.isOpen(row) ? "open" : "under an exception", `tone ${this.findings.isOpen(row) ? "bad" : "good"}`));
    if (this.findings.isLate(row)) line.append(made("span", "late", "tone bad"));
    return line;
  }

  /**
   * Return the button that leads to the finding before or after this one in the list.
   * @param {string} words
   * @param {number} row
   * @param {number[]} rows
   * @param {number} by
   */
  step(words, row, rows, by) {
    const place = rows.indexOf(row);
    const other = place < 0 ? undefined : rows[place + by];
    const it = button(words, () => {
      if (other !== undefined) this.go(this.findings.listing.fingerprints[other]);
    });
    it.disabled = other === undefined;
    return it;
  }

  /**
   * Return whose a finding is, where, and since when.
   * @param {number} row
   * @param {string} type
   * @param {number} reopened
   */
  facts(row, type, reopened) {
    const { findings } = this;
    const [id, name, unit] = findings.value("account", row);
    const exception = findings.value("exception", row);
    const action = findings.listing.actions.find(([each]) => each === findings.value("action", row));
    /** @type {[string, string][]} */
    const found = [
      ["Resource", findings.resource(row)], ["Type", type], ["Account", name ? `${name} (${id})` : id],
      ["Unit", unit || NO_UNIT], ["Region", findings.value("region", row)],
      ["Owner", findings.value("owner", row) || NO_OWNER],
      ["First seen", findings.value("first_seen", row) || NOTHING], ["Due", findings.value("due_on", row) || NOTHING],
    ];
    if (reopened) found.push(["Regressions", number(reopened)]);
    if (exception) {
      const [entry, owner, expires, state] = exception;
      found.push(["Exception", `${entry}: ${state}`], ["Exception's owner", owner], ["Exception's last day", expires || NOTHING]);
    } else found.push(["Exception", "none"]);
    if (action) found.push(["Closed by action", `${action[1]}: ${action[2]}`]);
    return facts(found);
  }
}

/**
 * Return names with their values.
 * @param {[string, string][]} found
 */
function facts(found) {
  const it = made("dl", "", "facts");
  for (const [name, value] of found) it.append(made("dt", name), made("dd", value));
  return it;
}

/**
 * Return a part of the panel under a heading.
 * @param {string} title
 * @param {...HTMLElement} content
 */
function section(title, ...content) {
  const it = made("section");
  it.append(made("h3", title), ...content);
  return it;
}

/**
 * Return a list of texts.
 * @param {string[]} texts
 */
function list(texts) {
  if (!texts.length) return made("p", "none", "note");
  const it = made("ul", "", "requirements");
  it.append(...texts.map((text) => made("li", text)));
  return it;
}

/**
 * Return the three fixes, each with its command.
 * @param {(string | null)[]} remedies
 */
function remediesOf(remedies) {
  const found = [];
  for (const [index, path] of PATHS.entries()) {
    const [text, command] = remedies.slice(2 * index, 2 * index + 2);
    if (!text) continue;
    const it = made("div", "", "remedy");
    it.append(made("h4", path), made("p", text));
    if (command) {
      const box = made("div", "", "command");
      const code = made("pre");
      code.tabIndex = 0;
      code.append(made("code", command));
      box.append(code, copying("Copy", command, `Copy the command for ${path.toLowerCase()}`));
      it.append(box);
    }
    found.push(it);
  }
  return found.length ? found : [made("p", "none", "note")];
}

/**
 * Return evidence as a table: a name and what was seen, nested where it is.
 * @param {any} evidence
 * @returns {HTMLElement}
 */
function evidenceTable(evidence) {
  const names = Object.entries(evidence);
  if (!names.length) return made("p", "none", "note");
  const table = made("table", "", "evidence");
  const body = made("tbody");
  for (const [name, value] of names) {
    const line = made("tr");
    const head = made("th", name.replaceAll("_", " "));
    head.setAttribute("scope", "row");
    const cell = made("td");
    cell.append(evidenceValue(value));
    line.append(head, cell);
    body.append(line);
  }
  table.append(body);
  return table;
}

/**
 * Return a value of evidence: in words, as a list, or as a table within.
 * @param {any} value
 * @returns {HTMLElement}
 */
function evidenceValue(value) {
  if (value === null) return made("span", "none");
  if (typeof value === "boolean") return made("span", value ? "yes" : "no");
  if (typeof value !== "object") return made("span", String(value) || "empty");
  if (!Array.isArray(value)) return evidenceTable(value);
  if (!value.length) return made("span", "none");
  const it = made("ul");
  for (const each of value) {
    const item = made("li");
    item.append(evidenceValue(each));
    it.append(item);
  }
  return it;
}

/**
 * Return a button.
 * @param {string} words
 * @param {() => void} act
 * @param {string} [kind]
 */
function button(words, act, kind = "") {
  const it = /** @type {HTMLButtonElement} */ (made("button", words, kind));
  it.type = "button";
  it.addEventListener("click", act);
  return it;
}

/**
 * Return a button that copies a text.
 * @param {string} words
 * @param {string} text
 * @param {string} [label]
 */
function copying(words, text, label = "") {
  const it = button(words, async () => {
    it.textContent = (await copied(text)) ? "Copied" : "Not copied";
    setTimeout(() => { it.textContent = words; }, 1500);
  }, "copy");
  if (label) it.setAttribute("aria-label", label);
  it.setAttribute("aria-live", "polite");
  return it;
}

/**
 * Put a text on the clipboard, and return whether that was allowed.
 * @param {string} text
 */
async function copied(text) {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    return false;
  }
}
