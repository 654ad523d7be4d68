// Keys, and files that are dropped on the page.

// actions: what single keys do, but while something is chosen from a list or typed.
export function listenToKeys(actions) {
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || event.target.closest("select, input")) return;
    actions[event.key]?.();
  });
}

// sign: shown while a file is held over the page. take: gets the first file that is dropped.
export function listenToDrops(sign, take) {
  const over = (shown) => (event) => {
    event.preventDefault();
    sign.hidden = !shown;
  };
  document.addEventListener("dragover", over(true));
  document.addEventListener("dragleave", (event) => event.relatedTarget ?? over(false)(event));
  document.addEventListener("drop", (event) => {
    over(false)(event);
    take(event.dataTransfer.files[0]);
  });
}
