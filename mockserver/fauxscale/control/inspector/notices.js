// What is shown where there are no calls to show: the first call to make, or the form for the token.
import { send, setToken } from "./ask.js";
import { announce, html, useState } from "./parts.js";

export function Locked({ wrong, onToken }) {
  const unlock = (event) => {
    event.preventDefault();
    setToken(document.getElementById("token").value.trim());
    onToken();
  };
  return html`<section id="locked" class="notice">
    <h2>This server requires its control token</h2>
    <p id="why">${wrong ? "That is not the token. It was printed when the server started." : "It was printed when the server started."}</p>
    <form id="unlock" onSubmit=${unlock}>
      <input id="token" type="password" autocomplete="off" required aria-label="Control token" autofocus />
      <button type="submit" class="primary">Show the calls</button>
    </form></section>`;
}

export function Empty({ anyKey }) {
  const [problem, setProblem] = useState("");
  const snippet = `curl ${location.origin}/upscale -H "Api-Key: ${anyKey ? "anything" : "$IDEOGRAM_API_KEY"}" \\\n     -F image_file=@photo.png -F image_request='{}'`;
  return html`<section id="empty" class="notice">
    <h2>No calls yet</h2>
    <p>Send a picture; it appears here at once.</p>
    ${!anyKey && html`<p id="keys">Only keys that the server was started with, or that its control API issued, work.</p>`}
    <pre id="snippet" tabindex="0" aria-label="A first call">${snippet}</pre>
    <button id="try" type="button" class="primary" onClick=${() => tryOut(anyKey).catch((refused) => setProblem(refused.message))}>Send a test picture</button>
    ${problem && html`<p class="reason" role="alert">${problem}</p>`}
  </section>`;
}

// A server that takes named keys only needs an account of its own for it.
async function tryOut(anyKey) {
  const key = anyKey ? "anything" : (await send("POST", "accounts", { label: "inspector" })).keys.ideogram;
  const form = new FormData();
  form.append("image_request", "{}");
  form.append("image_file", await drawn(), "hello.png");
  await fetch("/ideogram/upscale", { method: "POST", headers: { "Api-Key": key }, body: form });
  announce("Sent");
}

function drawn() {
  const canvas = document.createElement("canvas");
  [canvas.width, canvas.height] = [320, 200];
  const paint = canvas.getContext("2d");
  const sky = paint.createLinearGradient(0, 0, 320, 200);
  sky.addColorStop(0, "#4b4acf"); sky.addColorStop(1, "#f2a65a");
  paint.fillStyle = sky; paint.fillRect(0, 0, 320, 200);
  paint.fillStyle = "#fff"; paint.font = "bold 44px system-ui"; paint.fillText("hello", 96, 116);
  return new Promise((done) => canvas.toBlob(done, "image/png"));
}
