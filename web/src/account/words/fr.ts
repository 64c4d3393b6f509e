import type { DoorWords } from ".";

/** What the pages before the door say, in French. */
export const fr: DoorWords = {
  or: "ou",
  back: "Retour",
  toSignIn: "Aller à la connexion",
  toConversations: "Aller à vos conversations",
  signIn: {
    passkey: "Se connecter avec une clé d’accès",
    with: (provider) => `Continuer avec ${provider}`,
    forgotten: "Mot de passe oublié ?",
    newHere: "Pas encore de compte ?",
    signUp: "S’inscrire",
    byInvitation: "Ici, on s’inscrit sur invitation.",
    passkeyFailed: "La clé d’accès n’a pas servi. Réessayez, ou connectez-vous avec votre mot de passe.",
    wrongPasskey: "Cette clé d’accès n’est plus connue ici. Connectez-vous avec votre mot de passe.",
    disabled: "Ce compte a été désactivé. Adressez-vous à la personne qui gère ce Causette.",
    errors: {
      sign_on_refused:
        "L’autre service ne vous a pas laissé entrer. Réessayez, ou choisissez une autre voie.",
      sign_on_expired: "C’était trop long, ou commencé dans un autre navigateur. Réessayez.",
      sign_on_failed: "La réponse de l’autre service n’était pas sûre : elle n’a pas servi. Réessayez.",
      sign_on_unavailable: "L’autre service est injoignable. Réessayez, ou choisissez une autre voie.",
      email_not_verified:
        "L’autre service n’a pas vérifié votre adresse. Connectez-vous d’abord ici, puis reliez-le dans les réglages.",
      link_required:
        "Un compte existe déjà avec cette adresse. Connectez-vous d’abord, puis reliez l’autre service dans les réglages.",
      no_account:
        "Il n’y a pas encore de compte pour vous. Adressez-vous à la personne qui gère ce Causette.",
      domain_not_allowed: "Les adresses comme la vôtre n’entrent pas par cette voie.",
      identity_taken: "Ce compte est déjà relié à quelqu’un d’autre ici.",
      other: "Cette voie n’a pas fonctionné. Réessayez, ou choisissez-en une autre.",
    },
  },
  code: {
    title: "Encore une étape",
    lead: "Saisissez les six chiffres qu’affiche votre application d’authentification.",
    label: "Code",
    submit: "Se connecter",
    wrong: "Ce code n’est pas bon, ou a déjà servi. Attendez le suivant.",
    expired: "C’était trop long. Connectez-vous de nouveau.",
    useRecovery: "Utiliser un code de secours",
    recoveryLead: "Saisissez l’un des codes de secours que vous avez gardés. Chacun sert une fois.",
    recoveryLabel: "Code de secours",
    wrongRecovery: "Ce n’est pas l’un de vos codes de secours, ou il a déjà servi.",
    useApp: "Revenir à l’application",
  },
  signUp: {
    title: "Créer un compte",
    lead: "Une minute suffit. Un lien par e-mail confirmera que l’adresse est la vôtre.",
    submit: "S’inscrire",
    submitting: "Inscription",
    already: "Vous avez déjà un compte ?",
    closedTitle: "Pas de nouveaux comptes ici",
    closed: "Ce Causette n’accepte pas d’inscriptions. La personne qui le gère peut vous créer un compte.",
    invitationTitle: "Sur invitation",
    invitation:
      "Ici, on s’inscrit sur invitation. Demandez-la à la personne qui gère ce Causette, puis ouvrez le lien reçu.",
    sentTitle: "Regardez vos e-mails",
    sent: (email) =>
      `Si ${email} peut avoir un compte ici, un lien est en route. Ouvrez-le dans les 24 heures et saisissez encore une fois votre mot de passe.`,
    notThere: "Rien après quelques minutes ? Regardez dans les indésirables, ou recommencez.",
    again: "Recommencer",
  },
  confirm: {
    title: "Confirmez votre compte",
    lead: "Saisissez le mot de passe que vous avez choisi. Le compte sera alors à vous.",
    submit: "Ouvrir mon compte",
    bad: "Il a servi, ou date de plus de 24 heures. Connectez-vous, ou recommencez l’inscription.",
    wrong: "Ce n’est pas le mot de passe choisi à l’inscription.",
    taken: "Un compte existe déjà avec cette adresse. Connectez-vous.",
  },
  invited: {
    title: "On vous attend",
    lead: (email) => `Choisissez un nom et un mot de passe. Vous vous connecterez avec ${email}.`,
    leadOwner: (email) =>
      `Choisissez un nom et un mot de passe. Vous vous connecterez avec ${email}, et gérerez ce Causette avec ses propriétaires.`,
    submit: "Accepter et commencer",
    badTitle: "Cette invitation n’est plus valable",
    bad: "Elle a servi, a été retirée ou date de plus de sept jours. Demandez-en une autre.",
  },
  reset: {
    title: "Un nouveau mot de passe",
    lead: "Indiquez l’adresse avec laquelle vous vous connectez. Un lien y partira pour en choisir un autre.",
    submit: "Envoyer le lien",
    sentTitle: "Regardez vos e-mails",
    sent: (email) =>
      `S’il existe un compte avec ${email}, un lien est en route. Il sert une fois, dans l’heure.`,
    chooseTitle: "Choisissez un nouveau mot de passe",
    chooseLead: "Vous serez déconnecté partout, puis vous vous connecterez avec le nouveau.",
    choose: "Enregistrer ce mot de passe",
    doneTitle: "Votre mot de passe est enregistré",
    done: "Connectez-vous maintenant.",
    badTitle: "Ce lien ne fonctionne plus",
    bad: "Ces liens servent une fois, dans l’heure. Demandez-en un autre.",
    again: "Demander un autre lien",
  },
  newEmail: {
    title: "Confirmez votre nouvelle adresse",
    lead: "C’est avec elle que vous vous connecterez ensuite.",
    submit: "Confirmer cette adresse",
    doneTitle: "Votre adresse a changé",
    done: "C’est avec elle que vous vous connectez désormais.",
    badTitle: "Ce lien ne fonctionne plus",
    bad: "Il a servi, ou date de plus de 24 heures. Redemandez le changement dans les réglages.",
    taken: "Un autre compte a déjà cette adresse.",
    otherTitle: "Un autre compte l’a demandé",
    other: (email) =>
      `Vous êtes connecté avec ${email}. Déconnectez-vous, connectez-vous au compte qui a demandé ce changement, et vous reviendrez ici.`,
    signOut: "Se déconnecter et continuer",
  },
  join: {
    title: (workspace) => `Rejoindre ${workspace}`,
    asMember: (inviter) =>
      `${inviter} vous invite à partager cet espace de travail : ses clés, ses limites et sa facture.`,
    asAdmin: (inviter) =>
      `${inviter} vous invite à partager cet espace de travail, et à décider avec ses propriétaires de qui en fait partie.`,
    accept: "Rejoindre",
    decline: "Non merci",
    declined: "L’invitation est déclinée.",
    joined: (workspace) => `Vous faites maintenant partie de ${workspace}.`,
    badTitle: "Cette invitation n’est plus valable",
    bad: "Elle a reçu sa réponse, a été retirée ou date de plus de sept jours. Demandez-en une autre.",
    already: "Vous faites déjà partie de cet espace de travail.",
  },
};
