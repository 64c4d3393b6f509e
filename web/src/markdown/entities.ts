/** A text with its character references (`&eacute;`, `&#233;`) read; markup in it stays text. */
export function plain(text: string): string {
  if (!text.includes("&")) return text;
  return text.replace(/&(?:#\d{1,7}|#x[\da-f]{1,6}|[a-z][a-z\d]{1,31});/gi, (reference) => {
    // A textarea reads references and nothing else: no element is ever made of what is inside.
    const reader = document.createElement("textarea");
    reader.innerHTML = reference;
    return reader.value;
  });
}
