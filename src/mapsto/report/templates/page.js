"use strict";
for (const button of document.querySelectorAll("button[data-copied]")) {
  const label = button.textContent;
  button.hidden = false;
  button.addEventListener("click", () => {
    // A selection works from file:// in every browser, where the clipboard interface may be locked.
    const range = document.createRange();
    range.selectNodeContents(button.parentElement.querySelector("code"));
    const selection = window.getSelection();
    selection.removeAllRanges();
    selection.addRange(range);
    document.execCommand("copy");
    selection.removeAllRanges();
    button.textContent = button.dataset.copied;
    setTimeout(() => { button.textContent = label; }, 1500);
  });
}
