// npm's @microsoft/fetch-event-source, under Node.
// usage: node fetch_event_source.mjs PACKAGES URL
import { createRequire } from "node:module";

const [packages, url] = process.argv.slice(2);
globalThis.window = globalThis; // it asks the browser for timers and fetch
const { fetchEventSource } = createRequire(`${packages}/`)("@microsoft/fetch-event-source");

fetchEventSource(url, {
  openWhenHidden: true,
  // It hears events of every name, also the one that gives it a cursor.
  onmessage: ({ event, data }) => {
    if (event !== "position") {
      console.log(JSON.stringify({ event, data }));
    }
  },
  // It does not come back after a stream that ended properly, such as that of a web node that was told to
  // stop, unless this throws.
  onclose: () => {
    throw new Error("the stream has ended");
  },
});
