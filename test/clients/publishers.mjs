// npm's cloudevents and @fanoutio/grip publish, and each answer is printed as a line of JSON.
// usage: node publishers.mjs PACKAGES API      (API: http://HOST:PORT)
import { createRequire } from "node:module";
import { pathToFileURL } from "node:url";

const [packages, api] = process.argv.slice(2);
const require = createRequire(`${packages}/`);
const { CloudEvent, HTTP, Mode, emitterFor, httpTransport } = require("cloudevents");
const { Publisher, HttpStreamFormat, HttpResponseFormat, Item, WebSocketMessageFormat } = await import(
  pathToFileURL(require.resolve("@fanoutio/grip"))
);

const tell = (what) => console.log(JSON.stringify(what));

async function post(path, message) {
  const answer = await fetch(api + path, { method: "POST", headers: message.headers, body: message.body });
  tell({ status: answer.status, body: await answer.text() });
}

function event(fields) {
  return new CloudEvent({ source: "/orders", type: "tick", subject: "events", ...fields });
}

async function publishEvents() {
  await post("/send", HTTP.structured(event({ data: 'a "text"\n\u00fc' })));
  await post("/send", HTTP.structured(event({ data: { b: 1, a: [true, "\u00fc"] } })));
  await post("/send/events", HTTP.structured(event({ data: Buffer.from("bytes"), subject: "other" })));
  const plain = HTTP.binary(event({ data: "plain", datacontenttype: "text/plain" }));
  await post("/send", plain);
  await post("/send", plain); // again, as after an answer that was lost
  await post("/send", HTTP.binary(event({ data: { b: 1 }, time: new Date(0).toISOString(), extension: "x" })));
  const headers = { "content-type": "application/cloudevents-batch+json" };
  const batch = [event({ data: "first" }), event({ data: "second", subject: undefined })];
  await post("/send", { headers, body: JSON.stringify(batch) });
}

// The library's own way: its request has no length, so that the body comes in chunks.
async function emitEvents() {
  const emit = emitterFor(httpTransport(`${api}/send/emitted`), { mode: Mode.STRUCTURED });
  for (const mode of [Mode.STRUCTURED, Mode.BINARY]) {
    const { body } = await emit(event({ data: `emitted ${mode}`, datacontenttype: "text/plain" }), { mode });
    tell({ mode, body });
  }
}

async function publishItems() {
  const publisher = new Publisher({ control_uri: api });
  const attempt = async (name, action) => {
    try {
      await action();
      tell({ [name]: "Published" });
    } catch (error) {
      tell({ [name]: error.context.statusCode });
    }
  };
  await attempt("stream", () => publisher.publishHttpStream("items", "one\n"));
  await attempt("response", () => publisher.publishHttpResponse("items", "two"));
  await attempt("bytes", () => publisher.publishHttpStream("items", Buffer.from("three")));
  const formats = [new HttpResponseFormat({ body: "no" }), new WebSocketMessageFormat("no"), new HttpStreamFormat("four")];
  await attempt("formats", () => publisher.publish("items", new Item(formats, "2", "1")));
  await attempt("close", () => publisher.publishFormats("items", new HttpStreamFormat(null, true)));
  await attempt("channel", () => publisher.publishHttpStream("/orders/1", "five"));
}

await publishEvents();
await publishItems();
await emitEvents();
