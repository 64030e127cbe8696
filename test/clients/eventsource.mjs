// npm's eventsource, under Node.
// usage: node eventsource.mjs PACKAGES URL
import { createRequire } from "node:module";

const [packages, url] = process.argv.slice(2);
const { EventSource } = createRequire(`${packages}/`)("eventsource");

const show = ({ type, data }) => console.log(JSON.stringify({ event: type, data }));
const source = new EventSource(url);
for (const event of ["message", "note", "gap"]) {
  source.addEventListener(event, show);
}
