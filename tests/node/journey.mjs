// Walks through a calculator as a reader does, in Firefox or Chromium, and prints what the page showed at each step.
//   node journey.mjs '{"browser": "firefox" or "chrome", "executable": path, "address": site, "page": path, "field": name}'
import puppeteer from 'puppeteer-core';

const given = JSON.parse(process.argv[2]);
const browser = await puppeteer.launch({
  browser: given.browser,
  executablePath: given.executable,
  headless: true,
  args: given.browser === 'chrome' ? ['--no-sandbox', '--disable-gpu'] : [],
});
const page = await browser.newPage();
const wrong = [];
// The query of the answer that stands on the page in full: the point result waits a moment for the rest of it.
await page.evaluateOnNewDocument(() =>
  document.addEventListener('settled', ({ target }) => (window.settled = target.dataset.query), { capture: true }),
);
page.on('pageerror', (error) => wrong.push(String(error)));
page.on('console', (message) => message.type() === 'error' && wrong.push(message.text()));

async function until(test, ...given) {
  for (let tries = 0; tries < 600; tries++) {
    if (await page.evaluate(test, ...given).catch(() => false)) return;
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  throw new Error(`did not come true in a minute: ${test} ${given}`);
}

const look = () =>
  page.evaluate((name) => {
    const field = document.querySelector(`.calculator [name="${name}"]`);
    return {
      url: location.href,
      decision: document.querySelector('.calculator').dataset.decision,
      answer: document.querySelector('.calc-answer').textContent,
      headline: document.querySelector('.calc-headline').textContent,
      state: document.querySelector('.calc-state').dataset.state,
      stale: document.querySelector('.calculator').hasAttribute('data-stale'),
      value: field?.value,
      invalid: field?.getAttribute('aria-invalid'),
      problem: field && document.getElementById(`${field.id}-problem`).textContent,
      kept: window.kept === true,
      values: Object.fromEntries(
        [...document.querySelectorAll('.calc-form [data-default]')].map((control) => [
          control.name,
          control.type === 'checkbox' ? (control.checked ? 'yes' : 'no') : control.value,
        ]),
      ),
    };
  }, given.field);

async function type(name, text) {
  await page.evaluate((name) => document.querySelector(`.calculator [name="${name}"]`).select(), name);
  await page.type(`.calculator [name="${name}"]`, text);
}

const answered = (name, text) =>
  until((name, text) => window.settled?.includes(`${name}=${text}`), name, text);

try {
  const told = {};
  await page.goto(given.address + given.page);
  told.default = await look();
  await type(given.field, '7');
  await answered(given.field, '7');
  told.typed = await look();
  await type(given.field, 'seven');
  await until((name) => document.querySelector(`[name="${name}"]`).getAttribute('aria-invalid') === 'true', given.field);
  told.bad = await look();
  await page.evaluate(() => localStorage.clear());
  await page.goto(told.typed.url);
  await answered(given.field, '7');
  told.link = await look();
  await page.evaluate(() => {
    window.kept = true;
    [...document.querySelectorAll('.md-tabs__link')].find((link) => link.textContent.includes('Decide')).click();
  });
  await until((before) => document.querySelector('.calculator').dataset.decision !== before, told.link.decision);
  await type('requests_per_month', '5432');
  await answered('requests_per_month', '5432');
  told.next = await look();
  console.log(JSON.stringify({ ...told, wrong }));
} finally {
  await browser.close();
}
