// Opens a page of tests/test_worker.py in Firefox, over WebDriver BiDi, and runs the worker with each way to start.
//   node firefox.mjs '{"firefox": path, "page": address, "worker": address, "starts": [names], "request": text}'
// Prints, by start, all that the worker said.
import puppeteer from 'puppeteer-core';

const { firefox, page: address, worker, starts, request } = JSON.parse(process.argv[2]);
const browser = await puppeteer.launch({ browser: 'firefox', executablePath: firefox, headless: true });
try {
  const page = await browser.newPage();
  const told = {};
  for (const start of starts) {
    await page.goto(address);
    const run = (worker, start, request) => {
      begin(worker, start);
      return ask([request]);
    };
    told[start] = await page.evaluate(run, worker, start, request);
  }
  console.log(JSON.stringify(told));
} finally {
  await browser.close();
}
