// npm's event-source-polyfill, under Node. It sends the cursor in the query: lastEventId=CURSOR.
// usage: node polyfill.mjs PACKAGES URL
import { createRequire } from "node:module";

const [packages, url] = process.argv.slice(2);
const { EventSourcePolyfill } = createRequire(`${packages}/`)("event-source-polyfill");

const show = ({ type, data }) => console.log(JSON.stringify({ event: type, data }));
const source = new EventSourcePolyfill(url);
for (const event of ["message", "note", "gap"]) {
  source.addEventListener(event, show);
}
