
(() => {
  const FIRST_WAIT_MS = 500;
  const LONGEST_WAIT_MS = 10000;
  const REPEAT_AFTER_MS = 3000;

  const at = (id) => document.getElementById(id);
  const [log, talk, text, name] = [at("log"), document.querySelector(".talk"), at("text"), at("name")];

  const shown = new Map(); // message id -> its list item
  const waiting = new Map(); // key -> { text, item, sentAt }: said, but not yet confirmed
  let newest = 0;
  let socket = null;
  let waitMs = FIRST_WAIT_MS;
  let retryTimer = null;

  // ---- elements; whatever people typed goes in as text, never as markup

  function element(tag, className, content) {
    const made = document.createElement(tag);
    made.className = className;
    if (content !== undefined) made.textContent = content;
    return made;
  }

  function node(kind, id) {
    const made = element("span", `node ${kind}`);
    made.dataset.id = id;
    made.append(id);
    paint(made);
    return made;
  }

  // By which server something came in, and which worker answered.
  function trail(served) {
    const made = element("span", "trail");
    if (!served.server || !served.worker) return made;
    const arrow = element("span", "arrow", "→");
    arrow.setAttribute("aria-hidden", "true");
    made.append(
      element("span", "visually-hidden", "server "), node("server", served.server), arrow,
      element("span", "visually-hidden", "worker "), node("worker", served.worker),
    );
    return made;
  }

  function listItem(message) {
    const item = element("li", message.id ? "said" : "said pending");
    const who = element("bdi", "who", message.name);
    const body = element("p", "words", message.text);
    body.dir = "auto";
    const meta = element("span", "meta");
    if (message.id) {
      const sent = new Date(message.sent_at);
      const clock = element("time", "", sent.toLocaleTimeString([], { hour: "2-digit", minute: "2-digit" }));
      clock.dateTime = message.sent_at;
      clock.title = sent.toLocaleString();
      meta.append(trail(message), clock);
    } else {
      meta.append(element("span", "", "sending"));
    }
    item.append(who, meta, body);
    return item;
  }

  // ---- the list: in the order of ids, each once, pending ones last

  function isAtEnd() {
    return talk.scrollHeight - talk.scrollTop - talk.clientHeight < 80;
  }

  function put(item, before) {
    const follow = isAtEnd();
    log.insertBefore(item, before);
    at("empty").hidden = true;
    if (follow) talk.scrollTop = talk.scrollHeight;
  }

  function show(message) {
    const mine = waiting.get(message.key);
    if (mine) {
      mine.item.remove();
      waiting.delete(message.key);
    }
    if (shown.has(message.id)) return;
    let before = log.querySelector(".pending");
    if (message.id < newest) {
      const later = [...shown.keys()].filter((id) => id > message.id);
      before = shown.get(Math.min(...later));
    }
    const item = listItem(message);
    shown.set(message.id, item);
    newest = Math.max(newest, message.id);
    put(item, before);
  }

  // ---- the connection

  function setState(state, words) {
    at("state").textContent = words;
    at("state").parentElement.dataset.state = state;
    at("retry").hidden = state !== "waiting";
  }

  function address() {
    const query = new URLSearchParams({ name: name.value, after: newest });
    const scheme = location.protocol === "https:" ? "wss" : "ws";
    return `${scheme}://${location.host}${location.pathname}?${query}`;
  }

  function connect() {
    clearTimeout(retryTimer);
    setState("connecting", "Connecting");
    const opened = new WebSocket(address());
    socket = opened;
    opened.onmessage = (event) => answered(JSON.parse(event.data));
    opened.onclose = () => opened === socket && wait();
  }

  function wait() {
    socket = null;
    const pauseMs = waitMs * (0.75 + Math.random() / 2);
    waitMs = Math.min(waitMs * 2, LONGEST_WAIT_MS);
    setState("waiting", navigator.onLine ? "Not connected, trying again" : "This machine is offline");
    retryTimer = setTimeout(connect, pauseMs);
  }

  function isOpen() {
    return socket !== null && socket.readyState === WebSocket.OPEN;
  }

  const answers = {
    welcome(answer) {
      waitMs = FIRST_WAIT_MS;
      setState("connected", "Connected");
      name.value = answer.name;
      at("live").setAttribute("aria-busy", "true"); // nobody wants the whole history read aloud
      answer.missed.forEach(show);
      at("live").setAttribute("aria-busy", "false");
      at("empty").hidden = shown.size + waiting.size > 0;
      waiting.forEach((message) => { message.sentAt = 0; });
      repeat();
    },
    message: show,
    receipt() {},
    named(answer) { name.value = answer.name; },
    refused(answer) {
      at("refusal").textContent = answer.reason;
      const mine = waiting.get(answer.key);
      if (!mine) return;
      mine.item.remove();
      waiting.delete(answer.key);
      text.value ||= mine.text;
    },
  };

  function answered(answer) {
    const isToUs = answer.type !== "message"; // a message names those who served its sender
    if (isToUs && answer.server && answer.worker) at("answer").replaceChildren(trail(answer));
    if (Object.hasOwn(answers, answer.type)) answers[answer.type](answer);
  }

  // ---- what we say: repeated under the same key until the room has it

  function send(key, message) {
    message.sentAt = performance.now();
    socket.send(JSON.stringify({ say: message.text, key }));
  }

  function repeat() {
    if (!isOpen()) return;
    waiting.forEach((message, key) => {
      if (performance.now() - message.sentAt > REPEAT_AFTER_MS) send(key, message);
    });
  }

  function newKey() {
    return Array.from(crypto.getRandomValues(new Uint8Array(12)), (byte) => byte.toString(16).padStart(2, "0")).join("");
  }

  at("composer").addEventListener("submit", (event) => {
    event.preventDefault();
    at("refusal").textContent = "";
    const words = text.value.trim();
    if (!words) return;
    const message = { text: words, item: listItem({ name: name.value, text: words }), sentAt: -Infinity };
    waiting.set(newKey(), message);
    put(message.item, null);
    talk.scrollTop = talk.scrollHeight;
    text.value = "";
    text.focus();
    repeat();
  });

  name.value = localStorage.getItem("chat-name") || `Guest ${100 + Math.floor(Math.random() * 900)}`;
  name.addEventListener("change", () => {
    localStorage.setItem("chat-name", name.value.trim());
    if (isOpen()) socket.send(JSON.stringify({ name: name.value }));
  });
  name.addEventListener("keydown", (event) => {
    if (event.key !== "Enter") return;
    event.preventDefault();
    text.focus();
  });

  at("retry").addEventListener("click", connect);
  window.addEventListener("online", () => { if (!isOpen()) connect(); });
  setInterval(repeat, 1000);
  connect();
})();
