import type { Words } from ".";

/** Everything the app says, in French. Spaces before ; : ! ? and in « » are made narrow and unbreakable on loading. */
export const fr: Words = {
  app: {
    name: "Causette",
    loading: "Chargement",
    skip: "Aller à la conversation",
  },
  time: {
    today: "Aujourd’hui",
    yesterday: "Hier",
    lastWeek: "7 derniers jours",
  },
  sidebar: {
    label: "Conversations",
    open: "Ouvrir le volet",
    close: "Fermer le volet",
    newChat: "Nouvelle conversation",
    search: "Rechercher",
    empty: "Vos conversations seront gardées ici.",
    failed: "Impossible de charger vos conversations.",
    more: "Afficher la suite",
    options: (title) => `Options de « ${title} »`,
    rename: "Renommer",
    renaming: "Titre de la conversation",
    delete: "Supprimer",
    deleted: "Conversation supprimée.",
    undo: "Annuler",
    deleteFailed: "La conversation n’a pas pu être supprimée. Elle est toujours là.",
    renameFailed: "Le nouveau titre n’a pas pu être enregistré.",
    unseen: "Nouvelle réponse",
    replying: "Réponse en cours",
    untitled: "Nouvelle conversation",
  },
  account: {
    actingFor: "Vous agissez pour",
    yourself: "Vous-même",
    menu: "Compte et réglages",
    appearance: "Apparence",
    light: "Claire",
    dark: "Sombre",
    system: "Comme l’appareil",
    language: "Langue",
    reading: "Police de lecture",
    sans: "Sans empattement",
    serif: "Avec empattements",
    shortcuts: "Raccourcis clavier",
    signOut: "Se déconnecter",
    console: "Console",
    lab: "Laboratoire",
    signOutFailed: "La déconnexion a échoué. Réessayez.",
  },
  settings: {
    title: "Réglages",
    back: "Retour aux conversations",
  },
  welcome: {
    morning: (name) => (name ? `Bonjour ${name}` : "Bonjour"),
    afternoon: (name) => (name ? `Bonjour ${name}` : "Bonjour"),
    evening: (name) => (name ? `Bonsoir ${name}` : "Bonsoir"),
    invitation: "De quoi parle-t-on ?",
    starters: "Quelques idées pour commencer",
    ideas: [
      {
        title: "Expliquer",
        text: "Explique-moi comment agit un vaccin, avec des mots simples et une image du quotidien.",
      },
      {
        title: "Écrire à deux",
        text: "Aide-moi à écrire un mot bref et chaleureux pour remercier une collègue qui s’en va.",
      },
      {
        title: "Peser le pour et le contre",
        text: "Donne les arguments pour et contre la semaine de quatre jours, puis dis ce qui te ferait changer d’avis.",
      },
      {
        title: "Lire du code",
        text: "Montre-moi une fonction Python qui trouve le plus long palindrome d’un texte, et explique chaque étape.",
      },
    ],
  },
  composer: {
    label: "Message",
    placeholder: "Écrivez un message",
    reply: "Répondre",
    send: "Envoyer",
    stop: "Arrêter la réponse",
    caption: "Les réponses peuvent être fausses. Vérifiez ce qui compte.",
    sendFailed: "Votre message n’est pas parti.",
    kept: "Rien n’est perdu : il vous attend dans la zone de saisie.",
  },
  model: {
    label: "Modèle",
    choose: (title) => `Modèle : ${title}. En choisir un autre`,
    ready: "Prêt",
    starting: "Démarrage",
    down: "Indisponible",
    none: "Aucun modèle",
    context: (tokens) => `Lit jusqu’à ${tokens} jetons`,
    startingNotice: (title) =>
      `${title} démarre. Vous pouvez déjà écrire : la réponse viendra dès qu’il sera prêt.`,
    downNotice: (title) => `${title} ne répond pas. Causette essaie de le relancer.`,
    downChoose: "Vous pouvez aussi choisir un autre modèle.",
    noneNotice: "Aucun modèle n’est encore installé. La personne qui gère ce serveur peut en ajouter un.",
  },
  message: {
    you: "Vous avez dit",
    assistant: "Réponse",
    copy: "Copier",
    copied: "Copié",
    edit: "Modifier",
    editing: "Modifiez votre message",
    cancel: "Annuler",
    save: "Renvoyer",
    regenerate: "Refaire la réponse",
    retry: "Réessayer",
    actions: "Actions sur le message",
    branches: "Versions de ce message",
    previous: "Version précédente",
    next: "Version suivante",
    branch: (number, count) => `Version ${number} sur ${count}`,
    inLine: (position, seconds) =>
      `${position === 1 ? "1er" : `${position}e`} dans la file, environ ${seconds < 90 ? `${Math.max(1, seconds)} s` : `${Math.round(seconds / 60)} min`}`,
    toPlan: "Voir votre formule",
    thinking: "Réflexion",
    waiting: "Le modèle se réveille. La première réponse prend un peu plus de temps.",
    stopped: "Vous avez arrêté cette réponse.",
    cutShort: "La réponse a atteint sa longueur maximale.",
    empty: "Le modèle n’a rien trouvé à dire.",
    failed: "La réponse n’a pas pu être terminée.",
    kept: "Ce qui était déjà écrit est gardé.",
    reconnecting: "Connexion perdue. La réponse reprendra d’elle-même dès votre retour.",
    finished: "La réponse est complète.",
    finishedStopped: "La réponse a été arrêtée.",
    finishedFailed: "La réponse n’a pas pu être terminée.",
    image: (name) => `Image : ${name}`,
    imageUnnamed: "Image",
  },
  code: {
    plain: "Texte",
    copy: "Copier le code",
    wrap: "Couper les longues lignes",
  },
  thread: {
    label: "Conversation",
    toEnd: "Aller à la fin",
    notFound: "Cette conversation n’existe pas.",
    notFoundHint: "Elle a peut-être été supprimée, ou appartient à quelqu’un d’autre.",
    failed: "Impossible de charger cette conversation.",
    startNew: "En commencer une autre",
    messageGone: "Ce message a été supprimé.",
    branchFailed: "Cette version ne sera pas retenue : le serveur est injoignable.",
    versionFailed: "L’autre version n’a pas pu être chargée.",
    earlier: "Les messages précédents arrivent.",
    moreFailed: "Les autres messages n’ont pas pu être chargés.",
  },
  finder: {
    label: "Trouver une conversation, un message ou une commande",
    placeholder: "Chercher dans les conversations",
    conversations: "Conversations",
    messages: "Messages",
    commands: "Commandes",
    nothing: "Rien ne correspond. Essayez moins de mots, ou d’autres.",
    searching: "Recherche dans vos messages",
    failed: "La recherche dans vos messages n’a pas abouti.",
    again: "Chercher à nouveau",
    offline: "Sans connexion, la recherche se limite aux titres.",
    more: "Voir plus de messages",
    further: (count) => (count < 2 ? `et ${count} autre message` : `et ${count} autres messages`),
    you: "Vous :",
    assistant: "Assistant :",
    remaining: (count) => `D’anciens messages attendent encore d’être ajoutés à la recherche : ${count}.`,
    hint: "« mots exacts » entre guillemets, −mot pour l’exclure",
    close: "Fermer la recherche",
    newChat: "Commencer une conversation",
    theme: (name) => `Apparence : ${name}`,
    language: (name) => `Langue : ${name}`,
    shortcuts: "Voir les raccourcis clavier",
    settings: "Ouvrir les réglages",
    sidebar: "Montrer ou cacher le volet",
    signOut: "Se déconnecter",
    results: (count) => (count < 2 ? `${count} résultat` : `${count} résultats`),
  },
  shortcuts: {
    title: "Raccourcis clavier",
    find: "Chercher dans les conversations",
    newChat: "Commencer une conversation",
    sidebar: "Montrer ou cacher le volet",
    focus: "Aller à la zone de saisie",
    send: "Envoyer le message",
    newline: "Passer à la ligne",
    mention: "Adresser le message à un assistant",
    stop: "Arrêter la réponse, ou fermer ce qui est ouvert",
    copyReply: "Copier la dernière réponse",
    settings: "Ouvrir les réglages",
    list: "Afficher cette liste",
    close: "Fermer",
  },
  alerts: {
    ended: "La réponse est prête.",
    offer: "Cette réponse s’est fait attendre. Vous prévenir quand une longue réponse est prête ?",
    accept: "Me prévenir",
    on: "Une notification vous dira quand une longue réponse est prête.",
    forbidden: "Votre navigateur n’autorise pas les notifications de ce site.",
  },
  update: {
    ready: "Une nouvelle version de Causette est prête.",
    reload: "Recharger",
  },
  network: {
    notKept: "Cette conversation n’est pas sur cet appareil.",
    notKeptHint: "Elle s’ouvrira dès que la connexion sera revenue.",
    offline: "Vous êtes hors ligne. Ce que vous écrivez est gardé ; envoyez-le à votre retour.",
    unreachable: "Le serveur est injoignable. Nouvel essai en cours.",
  },
  problem: {
    limitReached: "Vous avez atteint une limite de votre formule. Elle repart d’elle-même.",
    quotaReached: "Votre crédit ou votre budget ne suffit pas pour cette réponse.",
    tooLargeForPlan: "C’est plus que votre formule n’accepte d’un coup. Envoyez un message plus court.",
    notInPlan: "Votre formule ne comprend pas ce modèle. Choisissez-en un autre.",
    retry: "Réessayer",
    dismiss: "Fermer",
    network: "Le serveur est injoignable. Vérifiez votre connexion.",
    unknown: "Le serveur a rencontré un problème.",
    rateLimited: (seconds) =>
      seconds
        ? `Trop de demandes. Réessayez dans ${seconds}.`
        : "Trop de demandes. Réessayez dans un instant.",
    unavailable: "Le modèle n’est pas disponible pour l’instant.",
    contextLength:
      "Cette conversation dépasse ce que le modèle peut lire. Commencez-en une autre, ou choisissez un autre modèle.",
    busy: "Le modèle est très demandé. Réessayez dans un instant.",
    conflict: "Une réponse est déjà en train de s’écrire ici.",
    modelGone: "Ce modèle n’est plus là. Choisissez-en un autre.",
    assistantGone:
      "L’assistant à qui ceci s’adresse a été supprimé, ou n’est plus partagé avec vous. Dites-le à un autre, ou à aucun.",
    tooLong: "Ce message est trop long pour être envoyé.",
    refusal: (status, code) => {
      switch (code) {
        case "owners_only":
          return "Seuls les propriétaires de ce serveur peuvent le faire. Adressez-vous à l’un d’eux.";
        case "insufficient_role":
          return "Votre rôle dans cet espace ne le permet pas. Adressez-vous à l’un de ses propriétaires.";
        case "temporary":
          return "Une conversation éphémère ne laisse pas de trace : cela n’y est pas possible.";
        case "too_many_attempts":
          return "Trop de tentatives. Réessayez dans quelques minutes.";
        case "too_many_invitations":
          return "Trop d’invitations attendent une réponse. Retirez-en d’abord.";
        case "too_many_projects":
          return "Vous avez autant de projets que l’on peut en garder. Supprimez-en un d’abord.";
        case "too_many_assistants":
          return "Vous avez autant d’assistants que l’on peut en garder. Supprimez-en un d’abord.";
        case "already_answered":
          return "Vous avez déjà répondu.";
        case "consent_changed":
          return "La question a changé entre-temps. Relisez-la avant de répondre.";
        case "sign_up_closed":
          return "Les inscriptions sont fermées ici. Demandez une invitation.";
        case "payment_required":
        case "payment_refused":
          return "Le paiement n’a pas abouti. Vérifiez votre moyen de paiement.";
        case "payments_unavailable":
          return "Le service de paiement ne répond pas. Réessayez dans un instant.";
        case "trial_used":
          return "Vous avez déjà profité d’un essai.";
        case "subscription_active":
          return "Un abonnement est encore en cours. Résiliez-le d’abord.";
        case "invalid_limit":
          return "Cette limite ne convient pas : il faut un nombre positif.";
      }
      if (status === 401) return "Votre session a pris fin. Reconnectez-vous.";
      if (status === 403) return "Vous n’avez pas le droit de faire cela.";
      if (status === 404) return "Cela n’existe plus, ou ne vous appartient pas.";
      if (status === 409) return "Ce n’est pas possible dans l’état actuel. Rechargez la page.";
      if (status === 413) return "C’est trop volumineux.";
      if (status === 415) return "Ce type de fichier n’est pas accepté.";
      if (status === 429) return "Trop de demandes. Réessayez dans un instant.";
      return "Le serveur a refusé cette valeur. Vérifiez ce que vous avez saisi.";
    },
    crashed: "Causette n’a pas pu afficher cette page.",
    reload: "Recharger",
  },
  signIn: {
    title: "Content de vous revoir",
    lead: "Connectez-vous pour retrouver vos conversations.",
    email: "Adresse e-mail",
    password: "Mot de passe",
    show: "Afficher le mot de passe",
    hide: "Masquer le mot de passe",
    submit: "Se connecter",
    submitting: "Connexion",
    wrong: "Cette adresse et ce mot de passe ne vont pas ensemble. Vérifiez les deux.",
    tooMany: (wait) => `Trop de tentatives. Réessayez dans ${wait}.`,
    missingEmail: "Indiquez votre adresse e-mail.",
    missingPassword: "Indiquez votre mot de passe.",
  },
  setup: {
    title: "Faites comme chez vous",
    lead: "Vous ouvrez la maison. Ce compte sera propriétaire du serveur.",
    name: "Nom",
    nameHint: "Le nom que l’assistant peut vous donner",
    email: "Adresse e-mail",
    password: "Mot de passe",
    passwordHint: "Au moins 10 caractères. Quelques mots sans lien entre eux font l’affaire.",
    submit: "Créer mon compte",
    submitting: "Création du compte",
    strength: {
      label: "Solidité",
      short: "Trop court",
      weak: "Faible",
      fair: "Moyenne",
      good: "Bonne",
      strong: "Excellente",
    },
    missingName: "Indiquez votre nom.",
    invalidEmail: "Indiquez une adresse complète, par exemple nom@exemple.fr.",
    shortPassword: "Il faut au moins 10 caractères.",
    weakPassword: "Ce mot de passe est trop facile à deviner. Choisissez-en un autre.",
    needsLinkTitle: "On y est presque",
    needsLink:
      "Ce serveur n’a pas encore de propriétaire. Ouvrez le lien à usage unique qu’il a affiché dans son terminal au démarrage.",
    badLinkTitle: "Ce lien ne fonctionne plus",
    badLink:
      "Ces liens expirent et ne servent qu’une fois. Redémarrez le serveur pour en obtenir un autre ; si vous avez déjà un compte, connectez-vous.",
    toSignIn: "Aller à la connexion",
    doneTitle: "Ce serveur a déjà son propriétaire",
  },
  length: {
    seconds: (count) => (count < 2 ? `${count} seconde` : `${count} secondes`),
    minutes: (count) => (count < 2 ? `${count} minute` : `${count} minutes`),
  },
};
