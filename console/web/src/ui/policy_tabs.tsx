// The three places around policies.
import { Link } from "wouter-preact";

export function PolicyTabs({ here }: { here: string }) {
  return (
    <nav class="tabs" aria-label="Policies">
      {([["/policies", "Editor"], ["/policies/proposals", "Proposals"], ["/policies/history", "History"]] as const).map(([to, name]) => (
        <Link key={to} href={to} aria-current={to === here ? "page" : undefined}>{name}</Link>
      ))}
    </nav>
  );
}
