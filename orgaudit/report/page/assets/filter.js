// What is asked of the list: read from the page's fragment, written to it, and answered.

/**
 * The filter, the order, and the finding that is open; an empty text asks nothing.
 * @typedef {object} Asked
 * @property {string[]} severity
 * @property {string} state
 * @property {string} account
 * @property {string} unit
 * @property {string} region
 * @property {string} control
 * @property {string} requirement
 * @property {string} owner
 * @property {string} action
 * @property {string} exception
 * @property {string} late
 * @property {string} q
 * @property {string} sort
 * @property {string} order
 * @property {string} finding
 */
/** @typedef {Exclude<keyof Asked, "severity">} Word */

const OPEN = "open";
const STATES = [OPEN, "expired", "excepted", "all"];
/** @type {Word[]} */
const WORDS = [
  "state", "account", "unit", "region", "control", "requirement", "owner", "action", "exception", "late", "q", "sort",
  "order", "finding",
];

/**
 * Return what asks for nothing.
 * @returns {Asked}
 */
function everything() {
  return {
    severity: [], state: OPEN, account: "", unit: "", region: "", control: "", requirement: "", owner: "", action: "",
    exception: "", late: "", q: "", sort: "", order: "", finding: "",
  };
}

/**
 * Return what a fragment asks, or null for one that names a place of the page.
 * @param {string} fragment
 * @returns {Asked | null}
 */
function parsed(fragment) {
  if (fragment.length > 1 && !fragment.includes("=")) return null;
  const given = new URLSearchParams(fragment.replace(/^#/, ""));
  const asked = everything();
  for (const word of WORDS) asked[word] = given.get(word) || asked[word];
  asked.severity = (given.get("severity") || "").split(",").filter((each) => each !== "");
  if (!STATES.includes(asked.state)) asked.state = OPEN;
  return asked;
}

/**
 * Return the fragment that asks this.
 * @param {Asked} asked
 */
function fragment(asked) {
  const usual = everything();
  const given = new URLSearchParams();
  if (asked.severity.length) given.set("severity", asked.severity.join(","));
  for (const word of WORDS) if (asked[word] !== usual[word]) given.set(word, asked[word]);
  return `#${given}`;
}

/**
 * Return for each value of a column whether it is asked for, or null where the column decides nothing.
 * @template V
 * @param {V[]} names
 * @param {string} wanted
 * @param {(value: V) => boolean} holds
 */
function mask(names, wanted, holds) {
  return wanted === "" ? null : Uint8Array.from(names, (value) => (holds(value) ? 1 : 0));
}

/**
 * Return whether a control answers a requirement, or any of a framework.
 * @param {Findings} findings
 * @param {string} control
 * @param {string} wanted
 */
function answers(findings, control, wanted) {
  return findings.listing.controls[control][2].some((each) => each === wanted || each.startsWith(`${wanted} `));
}

/**
 * Return the columns that decide, each with whether a value of it is asked for.
 * @param {Findings} findings
 * @param {Asked} asked
 * @returns {[places: number[], mask: Uint8Array][]}
 */
function masks(findings, asked) {
  const { names, places } = findings.listing;
  /** @type {[number[], Uint8Array | null][]} */
  const found = [
    [places.severity, mask(names.severity, asked.severity.join(), (it) => asked.severity.includes(it))],
    [places.account, mask(names.account, asked.account, ([id]) => id === asked.account)],
    [places.account, mask(names.account, asked.unit, ([, , unit]) => (unit || NO_UNIT) === asked.unit)],
    [places.region, mask(names.region, asked.region, (it) => it === asked.region)],
    [places.control, mask(names.control, asked.control, (it) => it === asked.control)],
    [places.control, mask(names.control, asked.requirement, (it) => answers(findings, it, asked.requirement))],
    [places.owner, mask(names.owner, asked.owner, (it) => (it || NO_OWNER) === asked.owner)],
    [places.action, mask(names.action, asked.action, (it) => it === asked.action)],
    [places.exception, mask(names.exception, asked.exception, (it) => it !== null && it[0] === asked.exception)],
  ];
  return /** @type {[number[], Uint8Array][]} */ (found.filter(([, each]) => each !== null));
}

/**
 * Return the first finding of a state and the one after the last: what is open comes first.
 * @param {Findings} findings
 * @param {string} state
 * @returns {[number, number]}
 */
function range(findings, state) {
  const { open } = findings.listing;
  if (state === "all") return [0, findings.count];
  return state === "excepted" ? [open, findings.count] : [0, open];
}

/**
 * Return how many findings there are of a state, whatever else is asked.
 * @param {Findings} findings
 * @param {string} state
 */
function total(findings, state) {
  const [first, end] = range(findings, state);
  if (state !== "expired") return end - first;
  let count = 0;
  for (let row = first; row < end; row += 1) count += findings.value("exception", row) === null ? 0 : 1;
  return count;
}

/**
 * Return the findings that are asked for, in the order that is asked for.
 * @param {Findings} findings
 * @param {Asked} asked
 * @returns {number[]}
 */
function answered(findings, asked) {
  const deciding = masks(findings, asked);
  const words = asked.q.toLowerCase().split(/\s+/).filter((word) => word !== "");
  const [first, end] = range(findings, asked.state);
  const rows = [];
  for (let row = first; row < end; row += 1) {
    if (deciding.every(([places, each]) => each[places[row]] === 1) && more(findings, asked, words, row)) rows.push(row);
  }
  return sorted(findings, rows, asked);
}

/**
 * Return whether what no column decides holds for a finding.
 * @param {Findings} findings
 * @param {Asked} asked
 * @param {string[]} words
 * @param {number} row
 */
function more(findings, asked, words, row) {
  if (asked.state === "expired" && findings.value("exception", row) === null) return false;
  if (asked.late && !findings.isLate(row)) return false;
  return words.length === 0 || words.every((word) => findings.searched(row).includes(word));
}

/**
 * Return findings in the order that is asked for, which is the report's without one.
 * @param {Findings} findings
 * @param {number[]} rows
 * @param {Asked} asked
 */
function sorted(findings, rows, asked) {
  const rank = ranks(findings, asked.sort);
  if (rank === null) return rows;
  const sign = asked.order === "desc" ? -1 : 1;
  return rows.sort((one, other) => sign * (rank[one] - rank[other]) || one - other);
}

/** @type {Map<string, Uint32Array | null>} */
const ranked = new Map();

/**
 * Return the rank of every finding by a column, or null for a column that there is not.
 * @param {Findings} findings
 * @param {string} sort
 */
function ranks(findings, sort) {
  const known = ranked.get(sort);
  if (known !== undefined) return known;
  const made = sort === "resource" ? ranksOf(findings, (row) => findings.resource(row)) : ranksByName(findings, sort);
  ranked.set(sort, made);
  return made;
}

/**
 * Return the rank of every finding by a text of it.
 * @param {Findings} findings
 * @param {(row: number) => string} text
 */
function ranksOf(findings, text) {
  const texts = Array.from({ length: findings.count }, (_, row) => text(row));
  return ranksIn(texts, (row) => row, findings.count);
}

/**
 * Return the rank of every finding by a column, of which the values are ranked once.
 * @param {Findings} findings
 * @param {string} sort
 */
function ranksByName(findings, sort) {
  const { names, places, severities, controls } = findings.listing;
  const last = "\uffff";
  /** @type {Record<string, [string[], number[]]>} */
  const columns = {
    severity: [names.severity.map((it) => String(severities.indexOf(it))), places.severity],
    title: [names.control.map((it) => controls[it][0]), places.control],
    account: [names.account.map(([id, name]) => `${name || id} ${id}`), places.account],
    region: [names.region, places.region],
    owner: [names.owner.map((it) => it || last), places.owner],
    first_seen: [names.first_seen.map((it) => it || last), places.first_seen],
    due_on: [names.due_on.map((it) => it || last), places.due_on],
    exception: [names.exception.map((it) => (it ? it[0] : last)), places.exception],
  };
  const column = columns[sort];
  return column ? ranksIn(column[0], (row) => column[1][row], findings.count) : null;
}

/**
 * Return the rank of every finding, of which `place` gives the place of its text.
 * @param {string[]} texts
 * @param {(row: number) => number} place
 * @param {number} count
 */
function ranksIn(texts, place, count) {
  const lower = texts.map((text) => text.toLowerCase());
  const order = lower.map((_, index) => index);
  order.sort((one, other) => (lower[one] < lower[other] ? -1 : lower[one] > lower[other] ? 1 : 0));
  const rank = new Uint32Array(texts.length);
  order.forEach((index, number) => {
    const before = number ? order[number - 1] : -1;
    rank[index] = before >= 0 && lower[before] === lower[index] ? rank[before] : number;
  });
  const found = new Uint32Array(count);
  for (let row = 0; row < count; row += 1) found[row] = rank[place(row)];
  return found;
}
