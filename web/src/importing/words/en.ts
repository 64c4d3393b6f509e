const n = (count: number) => count.toLocaleString("en");
const of = (count: number, one: string, many: string) => `${n(count)} ${count === 1 ? one : many}`;

/** What is said of bringing conversations along from elsewhere, in English. `fr.ts` has the same shape. */
export const en = {
  title: "Import conversations",
  lead: "From an export of ChatGPT, Claude, Open WebUI or Causette: the ZIP as it was sent to you, or the JSON file.",
  choose: "Choose a file",
  drop: "Drop an archive here, or choose it.",
  dropNow: "Let go to bring it.",
  sending: "Sending the file",
  reading: (count: number) =>
    count === 0
      ? "Looking what is in it"
      : `Looking what is in it: ${of(count, "conversation", "conversations")} so far`,
  importing: (done: number, total: number | null) =>
    total ? `Importing: ${n(done)} of ${of(total, "conversation", "conversations")}` : "Importing",
  background: "You can leave this page. It goes on.",
  sources: { chatgpt: "ChatGPT", claude: "Claude", open_webui: "Open WebUI", causette: "Causette" },
  from: (source: string, account: string | null) =>
    account ? `An export of ${source}, from ${account}` : `An export of ${source}`,
  conversations: (count: number, messages: number) =>
    `${of(count, "conversation", "conversations")}, ${of(messages, "message", "messages")}`,
  projects: (count: number) => of(count, "project", "projects"),
  instructions: "Custom instructions, in the place of yours",
  files: (pictures: number, files: number) =>
    [
      ...(pictures ? [of(pictures, "picture", "pictures")] : []),
      ...(files ? [of(files, "file", "files")] : []),
    ].join(", "),
  memories: (count: number) => of(count, "memory", "memories"),
  ratings: (count: number) => of(count, "rating", "ratings"),
  troubles: (count: number) =>
    count === 1 ? "1 thing cannot be imported" : `${n(count)} things cannot be imported`,
  more: (count: number) => `And ${n(count)} more.`,
  start: "Import",
  cancel: "Cancel",
  done: "Imported",
  report: (added: number, extended: number, unchanged: number) =>
    [
      of(added, "new conversation", "new conversations"),
      ...(extended ? [`${n(extended)} with new messages`] : []),
      ...(unchanged ? [`${n(unchanged)} that you had already`] : []),
    ].join(", "),
  forget: "Remove from this list",
  failed: "This could not be imported",
  tooMany: "Three archives are waiting. Finish or remove one of them first.",
  tooLarge: "The file is larger than 4 GiB, and is not taken.",
};
