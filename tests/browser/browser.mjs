// A page in Debian's Chromium, with what every script here does with one.
//
//   const { page, step, text, picture, noBarriers, finish } = await openPage({ screenshots, expected });
//   await finish(async () => { await step('it opens', () => page.goto(base)); … });
//
// finish() closes the browser whatever happens; the exit code is 1 with the reason where a step failed or
// the page complained (`expected`: a pattern of what the console may say).
import assert from 'node:assert/strict';
import { mkdtempSync, mkdirSync, readFileSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { chromium } from 'playwright-core';

const axe = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');

export async function openPage({ screenshots, expected }) {
  const profile = mkdtempSync(join(tmpdir(), 'voxanne-page-'));
  if (screenshots) mkdirSync(screenshots, { recursive: true });
  const context = await chromium.launchPersistentContext(profile, {
    executablePath: '/usr/bin/chromium',
    headless: true,
    viewport: { width: 1280, height: 800 },
    args: ['--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking',
      '--disable-component-update', '--disable-sync', '--use-fake-device-for-media-stream', '--use-fake-ui-for-media-stream',
      '--autoplay-policy=no-user-gesture-required'],
  });
  context.setDefaultTimeout(20_000);
  const page = context.pages()[0] ?? await context.newPage();

  const complaints = [];
  page.on('pageerror', (error) => complaints.push(`exception: ${error.message}`));
  page.on('console', (message) => {
    if (message.type() === 'error' && !expected?.test(message.text())) complaints.push(`console: ${message.text()}`);
  });

  const picture = (name) => screenshots && page.screenshot({ path: join(screenshots, `${name}.png`), fullPage: true });
  const step = async (name, action) => {
    try {
      await action();
      console.log(`ok - ${name}`);
    } catch (error) {
      await picture('failed');
      throw new Error(`${name}: ${error.message}`);
    }
  };
  const text = (selector, wanted) => page.locator(selector).filter({ hasText: wanted }).first().waitFor();
  const noBarriers = async () => {
    await page.evaluate(axe);
    const { violations } = await page.evaluate(() => globalThis.axe.run());
    assert.deepEqual(violations.map((one) => `${one.id}: ${one.nodes.map((node) => node.target).join(' ')}`), []);
  };
  const finish = async (story) => {
    try {
      await story();
      assert.deepEqual(complaints, []);
    } catch (error) {
      console.error(`not ok - ${error.message}${complaints.length ? `\n${complaints.join('\n')}` : ''}`);
      process.exitCode = 1;
    } finally {
      await context.close();
      rmSync(profile, { recursive: true, force: true });
    }
  };
  return { context, page, step, text, picture, noBarriers, finish };
}
