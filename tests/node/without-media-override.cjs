// Debian's Firefox does not know one command of WebDriver BiDi that Playwright sends to every page, to set the colour
// scheme. Node loads this before Playwright's driver: in place of that command the driver asks how the browser is.
const asUsual = JSON.stringify;
JSON.stringify = (value, ...rest) =>
  value?.method === 'emulation.setMediaFeaturesOverride'
    ? asUsual({ ...value, method: 'session.status', params: {} }, ...rest)
    : asUsual(value, ...rest);
