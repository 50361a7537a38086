"use strict";
(() => {
  const data = JSON.parse(document.getElementById("data").textContent);
  const main = document.querySelector("main");
  const plot = document.getElementById("plot");
  const readout = document.getElementById("readout");
  const box = document.getElementById("text");
  const says = [...document.querySelectorAll(".say")].map((node) => ({
    node, from: Number(node.dataset.a), to: Number(node.dataset.b),
  }));
  let chosen = null; // second that stays when the pointer leaves
  let nowSay = null;

  const clock = (seconds) => {
    const s = Math.max(0, Math.floor(seconds)), h = Math.floor(s / 3600);
    const tail = String(s % 60).padStart(2, "0"), m = Math.floor(s / 60) % 60;
    return h ? `${h}:${String(m).padStart(2, "0")}:${tail}` : `${m}:${tail}`;
  };
  const clamp = (t) => Math.min(Math.max(t, 0), data.duration);

  // The last sentence that begins at or before a second.
  const sayAt = (time) => {
    let low = 0, high = says.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (says[middle].from <= time + 0.01) low = middle + 1; else high = middle;
    }
    return low ? says[low - 1] : null;
  };

  // Puts every word of a sentence into an element of its own, once and only when needed.
  const wordsOf = (say) => {
    if (say.words) return say.words;
    const onsets = say.node.dataset.w.split(" ").map((c) => say.from + Number(c) / 100);
    const walker = document.createTreeWalker(say.node.querySelector("p"), NodeFilter.SHOW_TEXT);
    const texts = [];
    while (walker.nextNode()) {
      if (!walker.currentNode.parentElement.closest(".badge")) texts.push(walker.currentNode);
    }
    say.words = [];
    for (const text of texts) {
      const parts = document.createDocumentFragment();
      for (const piece of text.data.split(/(\s+)/)) {
        if (!piece.trim()) { parts.append(piece); continue; }
        const node = document.createElement("span");
        node.textContent = piece;
        say.words.push({ node, time: onsets[say.words.length] ?? say.to });
        parts.append(node);
      }
      text.replaceWith(parts);
    }
    return say.words;
  };

  const value = (lane, time) => {
    const count = lane.values.length;
    const index = Math.min(count - 1, Math.floor((time / data.duration) * count));
    return lane.values[index];
  };

  const read = (time) => {
    main.style.setProperty("--at", `${(100 * time) / data.duration}%`);
    readout.replaceChildren();
    const at = document.createElement("b");
    at.textContent = clock(time);
    readout.append(at);
    for (const lane of data.lanes) {
      const number = value(lane, time);
      if (number === null) continue;
      const item = document.createElement("span");
      const shown = number.toFixed(lane.digits).replace("-", "\u2212");
      item.textContent = `${lane.label} ${shown}${lane.unit ? ` ${lane.unit}` : ""}`;
      readout.append(item);
    }
    const say = sayAt(time);
    if (say && time <= say.to + 0.5) {
      const quote = document.createElement("q");
      quote.textContent = say.node.querySelector("p").textContent;
      readout.append(quote);
    }
  };

  const markNow = (time, scroll) => {
    const say = sayAt(time);
    if (nowSay && nowSay !== say) {
      nowSay.node.classList.remove("now");
      nowSay.words?.forEach((word) => word.node.classList.remove("is"));
    }
    nowSay = say;
    if (!say) return;
    say.node.classList.add("now");
    const words = wordsOf(say);
    const index = words.findLastIndex((word) => word.time <= time + 0.02);
    words.forEach((word, i) => word.node.classList.toggle("is", i === index));
    if (scroll) {
      const top = say.node.offsetTop - box.clientHeight / 3;
      if (Math.abs(box.scrollTop - top) > box.clientHeight / 4) box.scrollTop = top;
    }
  };

  const select = (time, scroll = true) => {
    chosen = clamp(time);
    plot.setAttribute("aria-valuenow", chosen.toFixed(1));
    plot.setAttribute("aria-valuetext", clock(chosen));
    read(chosen);
    markNow(chosen, scroll);
  };

  // Shows a span of evidence in the curves and its words in the transcript.
  const show = (from, to) => {
    main.style.setProperty("--from", `${(100 * from) / data.duration}%`);
    main.style.setProperty("--wide", `${(100 * Math.max(0, to - from)) / data.duration}%`);
    document.querySelectorAll(".hit").forEach((node) => node.classList.remove("hit"));
    for (const say of says) {
      if (say.to <= from || say.from >= to) continue;
      for (const word of wordsOf(say)) {
        word.node.classList.toggle("hit", word.time >= from - 0.02 && word.time < to);
      }
    }
    select(from);
  };

  // Moves the clip that plays a second of the talk to it, without starting it.
  const cue = (time) => {
    for (const clip of data.clips) {
      let before = 0;
      for (const [start, end] of clip.spans) {
        if (time >= start && time < end) {
          const video = document.querySelector(`video[data-clip="${clip.rank}"]`);
          if (video && video.paused) video.currentTime = before + time - start;
          return;
        }
        before += end - start;
      }
    }
  };

  const timeAt = (event) => {
    const area = plot.getBoundingClientRect();
    return clamp(((event.clientX - area.left) / area.width) * data.duration);
  };
  for (const area of document.querySelectorAll("main .plot:not(.ticks)")) {
    area.addEventListener("pointermove", (event) => read(timeAt(event)));
    area.addEventListener("pointerleave", () => {
      if (chosen !== null) read(chosen);
      else { main.style.removeProperty("--at"); readout.replaceChildren(); }
    });
    area.addEventListener("click", (event) => {
      if (event.target.closest("a")) return;
      const time = timeAt(event);
      select(time);
      cue(time);
    });
  }
  plot.addEventListener("keydown", (event) => {
    const small = event.shiftKey ? 10 : 1;
    const moves = { ArrowRight: small, ArrowUp: small, ArrowLeft: -small, ArrowDown: -small, PageUp: 30, PageDown: -30 };
    const ends = { Home: 0, End: data.duration };
    if (event.key in moves) select((chosen ?? 0) + moves[event.key]);
    else if (event.key in ends) select(ends[event.key]);
    else if (event.key === "Enter" && nowSay) nowSay.node.querySelector("button").focus();
    else return;
    event.preventDefault();
  });

  document.addEventListener("click", (event) => {
    const button = event.target.closest("button.at");
    if (button) { show(Number(button.dataset.a), Number(button.dataset.b)); return; }
    const said = event.target.closest(".say p");
    if (!said || event.target.closest("a")) return;
    const say = says.find((one) => one.node === said.parentElement);
    const word = wordsOf(say).find((one) => one.node === document.elementFromPoint(event.clientX, event.clientY));
    const time = word ? word.time : say.from;
    select(time, false);
    cue(time);
  });

  for (const video of document.querySelectorAll("video")) {
    const clip = data.clips.find((one) => one.rank === Number(video.dataset.clip));
    video.addEventListener("play", () => {
      for (const other of document.querySelectorAll("video")) if (other !== video) other.pause();
    });
    video.addEventListener("timeupdate", () => {
      if (video.paused) return;
      let left = video.currentTime;
      for (const [start, end] of clip.spans) {
        if (left < end - start) { select(start + left); return; }
        left -= end - start;
      }
    });
  }
})();
