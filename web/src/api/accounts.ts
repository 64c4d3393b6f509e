import { call, id } from "./client";
import type { components } from "./schema";
import type { User, Workspace } from "./types";

export type { Workspace };

type Schemas = components["schemas"];

export type SignUpOptions = Schemas["SignUpOptions"];
export type Provider = Schemas["ProviderOut"];
export type SecondStep = Schemas["SecondStepOut"];
export type Invited = Schemas["SignUpInvitation"];
export type Factors = Schemas["FactorsOut"];
export type Enrolment = Schemas["EnrolmentOut"];
export type Passkey = Schemas["PasskeyOut"];
export type Session = Schemas["SessionOut"];
export type Identity = Schemas["IdentityOut"];
export type Key = Schemas["KeyOut"];
export type NewKey = Schemas["NewKeyOut"];
export type KeyLimits = Schemas["KeyLimitsBody"];
export type KeyChange = Schemas["KeyPatch"];
export type Scope = Key["scopes"][number];
export type Member = Schemas["MemberOut"];
export type WorkspaceInvitation = Schemas["WorkspaceInvitationOut"];
export type NewWorkspaceInvitation = Schemas["NewWorkspaceInvitationOut"];
export type InvitedToWorkspace = Schemas["InvitedOut"];

/** A proof that it is still the same person, where the server wants one. */
const proof = (password: string | undefined) => (password === undefined ? {} : { password });

/** The calls about people and what is theirs, one function each. All reject with a `Problem`. */
export const accounts = {
  signUpOptions: () => call<SignUpOptions>("GET", "/api/sign-up"),
  signUp: (wanted: { name: string; email?: string; password: string; invitation?: string }) =>
    call<{ user: User | null }>("POST", "/api/sign-up", wanted),
  confirmSignUp: (given: { token: string; password: string }) =>
    call<User>("POST", "/api/sign-up/confirm", given),
  invitation: (token: string) => call<Invited>("POST", "/api/sign-up/invitation", { token }),
  signIn: (credentials: { email: string; password: string }) =>
    call<User | SecondStep>("POST", "/api/session", credentials),
  signInWithCode: (given: { challenge: string; code: string }) =>
    call<User>("POST", "/api/session/code", given),
  passkeyQuestion: () =>
    call<{ public_key: Record<string, unknown> }>("POST", "/api/session/passkey/options"),
  signInWithPasskey: (credential: object) => call<User>("POST", "/api/session/passkey", { credential }),
  askForReset: (email: string) => call<void>("POST", "/api/password-reset", { email }),
  reset: (given: { token: string; password: string }) =>
    call<void>("POST", "/api/password-reset/confirm", given),
  confirmEmail: (token: string) => call<void>("POST", "/api/email-change/confirm", { token }),

  askForEmail: (email: string, password?: string) =>
    call<void>("POST", "/api/user/email", { email, ...proof(password) }),
  changePassword: (given: { present_password?: string; new_password: string }) =>
    call<void>("PUT", "/api/user/password", given),
  factors: () => call<Factors>("GET", "/api/user/factors"),
  enrol: (password?: string) => call<Enrolment>("POST", "/api/user/totp", proof(password)),
  confirmTotp: (code: string) =>
    call<{ recovery_codes: string[] }>("POST", "/api/user/totp/confirm", { code }),
  renewCodes: (password?: string) =>
    call<{ recovery_codes: string[] }>("POST", "/api/user/totp/recovery-codes", proof(password)),
  disableTotp: (password?: string) => call<void>("POST", "/api/user/totp/disable", proof(password)),

  passkeyOptions: (password?: string) =>
    call<{ public_key: Record<string, unknown> }>("POST", "/api/passkeys/options", proof(password)),
  addPasskey: (given: { name: string; credential: object }) => call<Passkey>("POST", "/api/passkeys", given),
  renamePasskey: (passkey: string, name: string) =>
    call<Passkey>("PATCH", `/api/passkeys/${id(passkey)}`, { name }),
  removePasskey: (passkey: string) => call<void>("DELETE", `/api/passkeys/${id(passkey)}`),

  identities: () => call<{ items: Identity[] }>("GET", "/api/user/identities"),
  link: (provider: string, password?: string) =>
    call<{ url: string }>("POST", `/api/sign-on/${id(provider)}/link`, proof(password)),
  unlink: (identity: string) => call<void>("DELETE", `/api/user/identities/${id(identity)}`),

  sessions: () => call<{ items: Session[] }>("GET", "/api/sessions"),
  revokeSession: (session: string) => call<void>("DELETE", `/api/sessions/${id(session)}`),
  revokeOtherSessions: () => call<void>("DELETE", "/api/sessions"),

  keys: () => call<{ items: Key[] }>("GET", "/api/keys"),
  createKey: (key: { name: string; scopes: Scope[]; limits: KeyLimits; expires_at: string | null }) =>
    call<NewKey>("POST", "/api/keys", key),
  changeKey: (key: string, change: KeyChange) => call<Key>("PATCH", `/api/keys/${id(key)}`, change),
  revokeKey: (key: string) => call<Key>("DELETE", `/api/keys/${id(key)}`),

  createWorkspace: (name: string) => call<Workspace>("POST", "/api/workspaces", { name }),
  renameWorkspace: (workspace: string, name: string) =>
    call<Workspace>("PATCH", `/api/workspaces/${id(workspace)}`, { name }),
  deleteWorkspace: (workspace: string) => call<void>("DELETE", `/api/workspaces/${id(workspace)}`),
  members: (workspace: string) =>
    call<{ items: Member[] }>("GET", `/api/workspaces/${id(workspace)}/members`),
  changeMember: (workspace: string, user: string, role: Member["role"]) =>
    call<Member>("PATCH", `/api/workspaces/${id(workspace)}/members/${id(user)}`, { role }),
  removeMember: (workspace: string, user: string) =>
    call<void>("DELETE", `/api/workspaces/${id(workspace)}/members/${id(user)}`),
  workspaceInvitations: (workspace: string) =>
    call<{ items: WorkspaceInvitation[] }>("GET", `/api/workspaces/${id(workspace)}/invitations`),
  inviteToWorkspace: (workspace: string, whom: { email: string; role: WorkspaceInvitation["role"] }) =>
    call<NewWorkspaceInvitation>("POST", `/api/workspaces/${id(workspace)}/invitations`, whom),
  takeBackInvitation: (workspace: string, invitation: string) =>
    call<void>("DELETE", `/api/workspaces/${id(workspace)}/invitations/${id(invitation)}`),
  readWorkspaceInvitation: (token: string) =>
    call<InvitedToWorkspace>("POST", "/api/workspace-invitations/read", { token }),
  acceptWorkspaceInvitation: (token: string) =>
    call<Workspace>("POST", "/api/workspace-invitations/accept", { token }),
  declineWorkspaceInvitation: (token: string) =>
    call<void>("POST", "/api/workspace-invitations/decline", { token }),

  deleteAccount: (password?: string) => call<void>("DELETE", "/api/user", proof(password)),
};
