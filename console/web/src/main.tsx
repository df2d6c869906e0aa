// The console: who is signed in, and which page is shown.
import "uplot/dist/uPlot.min.css";
import "./styles/base.css";
import "./styles/shell.css";
import "./styles/parts.css";
import "./styles/pages.css";
import { render } from "preact";
import { lazy, Suspense } from "preact/compat";
import { useEffect } from "preact/hooks";
import { Link, Route, Switch, useLocation } from "wouter-preact";
import { api, session, type ApiError } from "./api";
import { as_api_error, use_asked } from "./lib/hooks";
import { follow_events } from "./lib/live";
import { AgentPage } from "./pages/agent";
import { Agents } from "./pages/agents";
import { Audit } from "./pages/audit";
import { BurstPage } from "./pages/burst";
import { EmergenciesPage } from "./pages/emergencies";
import { Grants } from "./pages/grants";
import { Inbox } from "./pages/inbox";
import { Invitation } from "./pages/invitation";
import { Me } from "./pages/me";
import { People } from "./pages/people";
import { RecordPage } from "./pages/record";
import { RequestPage } from "./pages/request";
import { SignIn } from "./pages/sign_in";
import { Page } from "./ui/page";
import { Shell } from "./ui/shell";
import { Empty, Problem, Skeleton } from "./ui/states";

// The editor and the charts are large and not what an approver on a phone came for: they are fetched when asked for.
const Policies = lazy(() => import("./pages/policies").then((m) => m.Policies));
const Proposals = lazy(() => import("./pages/proposals").then((m) => m.Proposals));
const ProposalPage = lazy(() => import("./pages/proposal").then((m) => m.ProposalPage));
const History = lazy(() => import("./pages/history").then((m) => m.History));
const OverviewPage = lazy(() => import("./pages/overview").then((m) => m.OverviewPage));

function Unknown() {
  return (
    <Page title="No such page">
      <Empty title="There is nothing at this address" icon="warning"><Link href="/">Back to the inbox</Link></Empty>
    </Page>
  );
}

function Pages() {
  const [path] = useLocation();
  return (
    <Shell>
      <Suspense fallback={<Skeleton rows={8} />}>
        <Switch>
          <Route path="/" component={Inbox} />
          <Route path="/inbox" component={Inbox} />
          <Route path="/requests" component={Inbox} />
          <Route path="/grants" component={Grants} />
          <Route path="/requests/:id">{(at) => <RequestPage key={at.id} id={at.id} />}</Route>
          <Route path="/bursts/:id">{(at) => <BurstPage key={at.id} id={at.id} />}</Route>
          <Route path="/policies" component={Policies} />
          <Route path="/policies/proposals" component={Proposals} />
          <Route path="/policies/proposals/:id">{(at) => <ProposalPage key={at.id} id={at.id} />}</Route>
          <Route path="/policies/history" component={History} />
          <Route path="/audit" component={Audit} />
          <Route path="/audit/:seq">{(at) => <RecordPage key={at.seq} seq={at.seq} />}</Route>
          <Route path="/agents" component={Agents} />
          <Route path="/agents/:name">{(at) => <AgentPage key={at.name} name={decodeURIComponent(at.name)} />}</Route>
          <Route path="/emergencies" component={EmergenciesPage} />
          <Route path="/people" component={People} />
          <Route path="/overview" component={OverviewPage} />
          <Route path="/me" component={Me} />
          <Route><Unknown key={path} /></Route>
        </Switch>
      </Suspense>
    </Shell>
  );
}

function App() {
  const [path, go] = useLocation();
  const asked = use_asked(
    async () => {
      try {
        session.value = await api.session();
      } catch (error) {
        const failure: ApiError = as_api_error(error);
        if (failure.status !== 401) throw failure;
        session.value = null;
      }
      return true;
    },
    "session",
  );
  useEffect(() => {
    if (session.value && path === "/sign-in") go("/", { replace: true });
  }, [session.value, path]);
  if (path === "/invitation") return <Invitation />;
  if (session.value) return <Pages />;
  if (session.value === null) return <SignIn />;
  return <div class="alone">{asked.error ? <Problem error={asked.error} again={asked.reload} /> : <Skeleton rows={3} />}</div>;
}

follow_events();
render(<App />, document.getElementById("app")!);
