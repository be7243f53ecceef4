/** How to put the app on the home screen here, and what of it works in this browser. */

import type { App } from "../app.ts";
import { install, installedHere, platformOf } from "../install.ts";
import { store } from "../model/store.ts";
import { strings } from "../strings.ts";
import { PageHeader } from "../ui/page_header.tsx";

export function InstallScreen({ app }: { app: App }) {
  const platform = platformOf(navigator.userAgent, navigator.maxTouchPoints);
  const prompt = store.installPrompt.value;
  return (
    <main class="page">
      <PageHeader app={app} title={strings.pages.install} />
      <div class="page-body">
        {installedHere() ? (
          <p class="page-hint">{strings.installed}</p>
        ) : (
          <>
            {!window.isSecureContext && <p class="page-warning">{strings.insecure}</p>}
            {prompt && (
              <button type="button" class="button wide primary" onClick={() => install(prompt)}>
                {strings.installNow}
              </button>
            )}
            <ol class="steps">
              {strings.installSteps[platform].map((it) => (
                <li key={it}>{it}</li>
              ))}
            </ol>
          </>
        )}
        <h2>{strings.worksHere}</h2>
        <dl class="facts">
          {abilities().map(([name, works]) => (
            <div key={name}>
              <dt>{name}</dt>
              <dd class={works ? "" : "late"}>{works ? strings.works : strings.worksNot}</dd>
            </div>
          ))}
        </dl>
        <p class="page-hint">{strings.worksHint[platform]}</p>
      </div>
    </main>
  );
}

/** What the app would use, and whether this browser has it here and now. */
function abilities(): readonly (readonly [string, boolean])[] {
  const secure = window.isSecureContext;
  const { abilities: names } = strings;
  return [
    [names.secure, secure],
    [names.offline, secure && "serviceWorker" in navigator],
    [names.push, secure && "PushManager" in window && "Notification" in window],
    [names.awake, secure && "wakeLock" in navigator],
    [names.badge, "setAppBadge" in navigator],
    [names.vibration, "vibrate" in navigator],
    [names.kept, secure && "storage" in navigator],
  ];
}
