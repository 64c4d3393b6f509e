import { QueryClientProvider, useQuery } from "@tanstack/react-query";
import {
  createRootRoute,
  createRoute,
  createRouter,
  Navigate,
  Outlet,
  RouterProvider,
  useRouterState,
} from "@tanstack/react-router";
import { useEffect } from "react";
import { Setup } from "./account/Setup";
import { SignIn } from "./account/SignIn";
import { explain } from "./api/problems";
import { bootstrapQuery, forgetConversations, queries } from "./api/queries";
import { useWords } from "./i18n";
import { LiveRegion } from "./shell/LiveRegion";
import { Shell } from "./shell/Shell";
import { Button } from "./ui/Button";
import { Logo } from "./ui/Logo";

/** Lets everybody in where they may be, and leads them there otherwise. */
function Door() {
  const t = useWords();
  const { data, error, refetch } = useQuery({ ...bootstrapQuery, retry: true, retryDelay: 1_500 });
  const path = useRouterState({ select: (state) => state.location.pathname });
  const user = data?.user;
  useEffect(() => {
    if (user === null) forgetConversations();
  }, [user]);
  if (!data)
    return (
      <div
        role="status"
        className="late flex h-full flex-col items-center justify-center gap-4 text-muted text-sm"
      >
        <Logo className="size-10 animate-[breathe_1.6s_ease-in-out_infinite]" />
        {error ? explain(error, t) : <span className="sr-only">{t.app.loading}</span>}
        {error && <Button onClick={() => refetch()}>{t.problem.retry}</Button>}
      </div>
    );
  if (data.setup_required && path !== "/setup") return <Navigate to="/setup" replace />;
  const outside = path === "/setup" || path === "/sign-in";
  if (!user && !outside && !data.setup_required)
    return <Navigate to="/sign-in" search={{ next: path }} replace />;
  return (
    <>
      <Outlet />
      <LiveRegion />
    </>
  );
}

function SignInOrBack() {
  const { next } = signInRoute.useSearch();
  const { data } = useQuery(bootstrapQuery);
  if (!data?.user) return <SignIn />;
  const conversation = /^\/c\/([^/]+)$/.exec(next ?? "")?.[1];
  return conversation ? (
    <Navigate to="/c/$id" params={{ id: conversation }} replace />
  ) : (
    <Navigate to="/" replace />
  );
}

function SetupPage() {
  const { data } = useQuery(bootstrapQuery);
  if (data?.user) return <Navigate to="/" replace />;
  return <Setup required={data?.setup_required ?? false} />;
}

function Crashed() {
  const t = useWords();
  return (
    <div role="alert" className="flex h-full flex-col items-center justify-center gap-5 px-6 text-center">
      <h1 className="font-serif text-lg">{t.problem.crashed}</h1>
      <Button onClick={() => window.location.reload()}>{t.problem.reload}</Button>
    </div>
  );
}

const rootRoute = createRootRoute({ component: Door, errorComponent: Crashed });
const shellRoute = createRoute({ getParentRoute: () => rootRoute, id: "shell", component: Shell });
const homeRoute = createRoute({ getParentRoute: () => shellRoute, path: "/" });
const conversationRoute = createRoute({ getParentRoute: () => shellRoute, path: "/c/$id" });
const signInRoute = createRoute({
  getParentRoute: () => rootRoute,
  path: "/sign-in",
  component: SignInOrBack,
  validateSearch: (search): { next?: string } =>
    typeof search.next === "string" ? { next: search.next } : {},
});
const setupRoute = createRoute({
  getParentRoute: () => rootRoute,
  path: "/setup",
  component: SetupPage,
  validateSearch: (search): { token?: string } =>
    typeof search.token === "string" ? { token: search.token } : {},
});

const router = createRouter({
  routeTree: rootRoute.addChildren([
    shellRoute.addChildren([homeRoute, conversationRoute]),
    signInRoute,
    setupRoute,
  ]),
  defaultNotFoundComponent: () => <Navigate to="/" replace />,
});

declare module "@tanstack/react-router" {
  interface Register {
    router: typeof router;
  }
}

export function App() {
  return (
    <QueryClientProvider client={queries}>
      <RouterProvider router={router} />
    </QueryClientProvider>
  );
}
