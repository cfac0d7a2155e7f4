// What is set up and seldom changed: routes, settings of the deployment, tokens, webhooks.

import { Shown } from "../parts/states.tsx";
import { useRulebook } from "../rulebook/calls.ts";
import { isAdmin, isOperator, rank } from "../session.ts";
import { Archives } from "./archives.tsx";
import { DeploymentSettings } from "./deployment_settings.tsx";
import { FireLogLoads } from "./fire_log_loads.tsx";
import { IngestSources } from "./ingest_sources.tsx";
import { Losses } from "./losses.tsx";
import { Packets } from "./packets.tsx";
import { Routes } from "./routes.tsx";
import { SecondPerson } from "./second_person.tsx";
import { Tokens } from "./tokens.tsx";
import { Webhooks } from "./webhooks.tsx";

export function Settings() {
  const live = useRulebook();
  return (
    <div class="stack">
      <h1>Settings</h1>
      {!isOperator.value && <p class="notice">You are {rank.value}: you can read routes and settings but not change them. Webhooks are shown to operators.</p>}
      <Shown live={live} what="the rulebook">
        {(book) => (
          <>
            <Routes book={book} refresh={live.refresh} />
            <DeploymentSettings book={book} refresh={live.refresh} />
            <SecondPerson />
            {isAdmin.value && <Tokens routes={book.routes} />}
          </>
        )}
      </Shown>
      <FireLogLoads />
      <IngestSources />
      <Packets />
      <Losses />
      <Archives />
      {isOperator.value && <Webhooks />}
    </div>
  );
}
