// Comes before every other script of the app: the words of the page in the reader's language (see language.py).
function t(english, values = {}) {
  const sentence = window.mnistlabWords?.[english] ?? english;
  return sentence.replace(/\{(\w+)\}/g, (field, name) => values[name] ?? field);
}

