import type { en } from "./en";

const n = (count: number) => count.toLocaleString("fr");
const of = (count: number, one: string, many: string) => `${n(count)} ${count < 2 ? one : many}`;

/** La même chose en français. */
export const fr: typeof en = {
  title: "Importer des conversations",
  lead: "D’un export de ChatGPT, Claude, Open WebUI ou Causette : l’archive ZIP telle que vous l’avez reçue, ou le fichier JSON.",
  choose: "Choisir un fichier",
  drop: "Déposez une archive ici, ou choisissez-la.",
  dropNow: "Relâchez pour l’apporter.",
  sending: "Envoi du fichier",
  reading: (count: number) =>
    count === 0
      ? "Lecture de son contenu"
      : `Lecture de son contenu : ${of(count, "conversation", "conversations")} pour l’instant`,
  importing: (done: number, total: number | null) =>
    total ? `Importation : ${n(done)} sur ${of(total, "conversation", "conversations")}` : "Importation",
  background: "Vous pouvez quitter cette page. Cela continue.",
  sources: { chatgpt: "ChatGPT", claude: "Claude", open_webui: "Open WebUI", causette: "Causette" },
  from: (source: string, account: string | null) =>
    account ? `Un export de ${source}, de ${account}` : `Un export de ${source}`,
  conversations: (count: number, messages: number) =>
    `${of(count, "conversation", "conversations")}, ${of(messages, "message", "messages")}`,
  projects: (count: number) => of(count, "projet", "projets"),
  instructions: "Les instructions personnalisées, à la place des vôtres",
  files: (pictures: number, files: number) =>
    [
      ...(pictures ? [of(pictures, "image", "images")] : []),
      ...(files ? [of(files, "fichier", "fichiers")] : []),
    ].join(", "),
  memories: (count: number) => of(count, "souvenir", "souvenirs"),
  ratings: (count: number) => of(count, "avis", "avis"),
  troubles: (count: number) =>
    count < 2 ? "1 élément ne peut pas être importé" : `${n(count)} éléments ne peuvent pas être importés`,
  more: (count: number) => `Et ${n(count)} de plus.`,
  start: "Importer",
  cancel: "Annuler",
  done: "Importé",
  report: (added: number, extended: number, unchanged: number) =>
    [
      of(added, "nouvelle conversation", "nouvelles conversations"),
      ...(extended ? [`${n(extended)} avec de nouveaux messages`] : []),
      ...(unchanged ? [`${n(unchanged)} que vous aviez déjà`] : []),
    ].join(", "),
  forget: "Retirer de cette liste",
  failed: "L’importation n’a pas pu se faire",
  tooMany: "Trois archives attendent. Terminez ou retirez-en une d’abord.",
  tooLarge: "Le fichier dépasse 4 Gio et n’est pas accepté.",
};
