// Lets the search work where the site is opened from the disk. A browser runs no worker of a file there, so the worker's
// script runs in a hidden frame, which sends and receives the same messages.
if (location.protocol === "file:") {
  window.Worker = class extends EventTarget {
    constructor(url) {
      super();
      this.waiting = [];
      const frame = document.createElement("iframe");
      frame.hidden = true;
      frame.srcdoc = "<!doctype html><title>search</title>";
      frame.addEventListener("load", () => {
        this.worker = frame.contentWindow;
        this.worker.postMessage = (data) => this.dispatchEvent(new MessageEvent("message", { data }));
        this.worker.importScripts = () => {};
        const script = this.worker.document.createElement("script");
        script.src = url;
        script.addEventListener("load", () => {
          this.ready = true;
          this.waiting.splice(0).forEach((data) => this.send(data));
        });
        this.worker.document.body.append(script);
      }, { once: true });
      document.documentElement.append(frame);
    }

    postMessage(data) {
      if (this.ready) this.send(data);
      else this.waiting.push(data);
    }

    send(data) {
      this.worker.dispatchEvent(new MessageEvent("message", { data }));
    }
  };
}
