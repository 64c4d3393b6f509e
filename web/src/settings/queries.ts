import { queryOptions } from "@tanstack/react-query";
import { accounts } from "~/api/accounts";
import { personal } from "~/api/personal";

export const factorsQuery = queryOptions({ queryKey: ["factors"], queryFn: accounts.factors });

export const instructionsQuery = queryOptions({
  queryKey: ["instructions"],
  queryFn: personal.instructions,
});

export const memoriesQuery = queryOptions({ queryKey: ["memories"], queryFn: personal.memories });

export const identitiesQuery = queryOptions({
  queryKey: ["identities"],
  queryFn: async () => (await accounts.identities()).items,
});

export const sessionsQuery = queryOptions({
  queryKey: ["sessions"],
  queryFn: async () => (await accounts.sessions()).items,
});

export const keysQuery = queryOptions({
  queryKey: ["keys"],
  queryFn: async () => (await accounts.keys()).items,
});

export const membersQuery = (workspace: string) =>
  queryOptions({
    queryKey: ["members", workspace],
    queryFn: async () => (await accounts.members(workspace)).items,
  });

export const invitationsQuery = (workspace: string) =>
  queryOptions({
    queryKey: ["workspace-invitations", workspace],
    queryFn: async () => (await accounts.workspaceInvitations(workspace)).items,
  });
