// The packed findings: what they are, how they are unpacked, and the texts of one finding.

/**
 * What is said once of a control: its title, why it matters, and its requirements.
 * @typedef {[title: string, rationale: string, requirements: string[]]} Control
 */
/** @typedef {[id: string, title: string, requirements: [id: string, title: string][]]} Framework */
/** @typedef {[id: string, name: string, unit: string]} Account */
/** @typedef {[id: string, owner: string, expires: string, state: string]} Exception */
/** @typedef {[id: string, rank: number, what: string]} Action */
/**
 * The list's columns: the different values of each, and the place of each finding's value among them.
 * @typedef {object} Listing
 * @property {string} as_of
 * @property {string[]} severities
 * @property {Record<string, Control>} controls
 * @property {Framework[]} frameworks
 * @property {Action[]} actions
 * @property {number} open
 * @property {string[]} fingerprints
 * @property {{severity: string[], control: string[], account: Account[], region: string[], resource: string[],
 *   reason: string[], owner: string[], first_seen: (string | null)[], due_on: (string | null)[],
 *   exception: (Exception | null)[], action: string[]}} names
 * @property {Record<keyof Listing["names"], number[]>} places
 */
/** @typedef {keyof Listing["names"]} Title */
/**
 * What a finding shows when it is opened.
 * @typedef {object} Details
 * @property {{type: string[], evidence: string[], remedies: (string | null)[][], reopened: number[]}} names
 * @property {Record<keyof Details["names"], number[]>} places
 */

/** What stands for what is not known. */
const NOTHING = "\u2013";
const NO_OWNER = "unassigned";
const NO_UNIT = "no unit";
const MARKS = /[\x01-\x04]/g;
const SHORTEST_NAME = 3;

/**
 * Return the element of an id; throws where the page has none.
 * @param {string} id
 * @returns {HTMLElement}
 */
function element(id) {
  const found = document.getElementById(id);
  if (!found) throw new Error(`the page has no element ${id}`);
  return found;
}

/**
 * Return what is packed in the element of an id.
 * @param {string} id
 * @returns {Promise<any>}
 */
async function unpacked(id) {
  const binary = atob(element(id).textContent || "");
  const bytes = new Uint8Array(binary.length);
  for (let index = 0; index < binary.length; index += 1) bytes[index] = binary.charCodeAt(index);
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"));
  return JSON.parse(await new Response(stream).text());
}

/** The findings of the page; a finding is its number in the report's order. */
class Findings {
  /** @param {Listing} listing */
  constructor(listing) {
    this.listing = listing;
    this.count = listing.fingerprints.length;
    /** @type {string[]} */
    this.found = [];
    /** @type {Promise<Details> | null} */
    this.details = null;
  }

  /**
   * Return a finding's value in a column.
   * @template {Title} T
   * @param {T} title
   * @param {number} row
   * @returns {Listing["names"][T][number]}
   */
  value(title, row) {
    return this.listing.names[title][this.listing.places[title][row]];
  }

  /** @param {number} row */
  title(row) {
    return this.listing.controls[this.value("control", row)][0];
  }

  /** @param {number} row */
  isOpen(row) {
    return row < this.listing.open;
  }

  /**
   * Return whether a finding is open past its due date.
   * @param {number} row
   */
  isLate(row) {
    const due = this.value("due_on", row);
    return this.isOpen(row) && due !== null && due < this.listing.as_of;
  }

  /** @param {number} row */
  resource(row) {
    const [account] = this.value("account", row);
    const region = this.value("region", row);
    return this.value("resource", row).replace(MARKS, (mark) => (mark === "\x03" ? account : region));
  }

  /**
   * Return a text of a finding with what its marks stand for.
   * @param {string} text
   * @param {number} row
   */
  filled(text, row) {
    if (text.search(MARKS) < 0) return text;
    const resource = this.resource(row);
    const name = lastPart(resource);
    const places = ["", resource, name, this.value("account", row)[0], this.value("region", row)];
    return text.replace(MARKS, (mark) => places[mark.charCodeAt(0)]);
  }

  /** @param {number} row */
  reason(row) {
    return this.filled(this.value("reason", row), row);
  }

  /**
   * Return the text in which a search looks, in lower case.
   * @param {number} row
   */
  searched(row) {
    const known = this.found[row];
    if (known !== undefined) return known;
    const [account, name, unit] = this.value("account", row);
    const exception = this.value("exception", row);
    const text = [
      this.title(row), this.value("control", row), this.resource(row), this.reason(row), account, name, unit,
      this.value("region", row), this.value("owner", row) || NO_OWNER, this.listing.fingerprints[row],
      exception ? exception[0] : "",
    ].join("\n").toLowerCase();
    this.found[row] = text;
    return text;
  }

  /**
   * Return the number of a finding by its fingerprint, or -1.
   * @param {string} fingerprint
   */
  row(fingerprint) {
    return this.listing.fingerprints.indexOf(fingerprint);
  }

  /**
   * Return what a finding shows when it is opened.
   * @param {number} row
   */
  async opened(row) {
    if (!this.details) this.details = unpacked("packed-details");
    const { names, places } = await this.details;
    const remedies = names.remedies[places.remedies[row]];
    return {
      type: names.type[places.type[row]],
      evidence: JSON.parse(this.filled(names.evidence[places.evidence[row]], row)),
      remedies: remedies.map((text) => (text === null ? null : this.filled(text, row))),
      reopened: names.reopened[places.reopened[row]],
    };
  }
}

/**
 * Return the last part of a resource's name, as the writer of the page has it.
 * @param {string} resource
 */
function lastPart(resource) {
  const path = resource.slice(resource.lastIndexOf("/") + 1);
  const name = path.slice(path.lastIndexOf(":") + 1);
  return Array.from(name).length >= SHORTEST_NAME ? name : "";
}
