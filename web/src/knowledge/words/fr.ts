import type { en } from "./en";

export const fr: typeof en = {
  sources: "Sources",
  cite: (number, where) => `Source ${number} : ${where}. Ouvrir`,
  place: {
    page: (name) => `page ${name}`,
    slide: (name) => `diapositive ${name}`,
    sheet: (name) => `feuille ${name}`,
  },
  close: "Fermer le document",
  loading: "Ouverture du document…",
  gone: "Ce fichier a été supprimé, ou vous n’y avez plus accès.",
  failed: "Le document n’a pas pu être ouvert.",
  retry: "Réessayer",
  earlier: "Avant",
  later: "Après",
  kept: {
    project: {
      title: "Fichiers",
      lead: "Les réponses de ce projet y trouvent ce qu’il leur faut, et le citent.",
      empty:
        "Ajoutez des documents dont toutes les conversations d’ici pourront se servir, ou déposez-les ici.",
      out: (name) => `Retirer ${name} du projet`,
    },
    assistant: {
      title: "Fichiers",
      lead: "Il y trouve ce qu’il lui faut, et le cite. Qui peut l’utiliser peut lire ce qui est cité. Ils sont ajoutés tout de suite.",
      empty: "Ajoutez des documents d’où tirer ses réponses, ou déposez-les ici.",
      out: (name) => `Retirer ${name} à l’assistant`,
    },
    add: "Ajouter des fichiers",
    missing: "Les fichiers n’ont pas pu être affichés.",
    actFailed: "Cela n’a pas marché. Rien n’a changé.",
    out: "Retiré. Le fichier reste dans Réglages, Fichiers.",
    waiting: "En attente de lecture",
    reading: (done, all) => `Lecture en cours : ${done} passages sur ${all}`,
    readingThis: (name) => `Part de ${name} déjà lue`,
    passages: (count, number) => (count > 1 ? `${number} passages` : `${number} passage`),
    noText: "Aucun texte n’y a été trouvé",
    picture: "Une image : les réponses n’y trouvent pas de texte",
    notRead: "Conservé, non lu",
    failed: "Il n’a pas pu être lu.",
    byWords: "On ne le trouve que par ses mots.",
    reasons: {
      unreadable:
        "Il n’a pas pu être lu : il est peut-être abîmé, protégé par un mot de passe, ou trop lourd.",
      not_installed: "Ce serveur ne lit pas ce type de fichier. Parlez-en à qui s’en occupe.",
      not_read: "Quelque chose s’est mal passé pendant la lecture.",
    },
    retry: (name) => `Réessayer ${name}`,
    busy: (count) =>
      count > 1 ? `${count} fichiers sont en cours de lecture.` : "1 fichier est en cours de lecture.",
    someFailed: (count) =>
      count > 1 ? `${count} fichiers n’ont pas pu être lus.` : "1 fichier n’a pas pu être lu.",
    allReady: "Tous les fichiers ont été lus.",
  },
};
