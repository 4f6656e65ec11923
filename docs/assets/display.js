// Numbers on display as the reader's language writes them, and money in the reader's own currency. Fields stay plain.
// What Python wrote is only written differently: a number is taken for one when it is money, is grouped, or has a unit.

const NUMBER = /(?<![\w.,-])(\$?)(\d{1,3}(?:,\d{3})+|\d+)(\.\d+)?(?=(?:[kMBT]|\u0020[mbtr]+illion)?(\u00a0?))(?![\d,]*\d)/g;
const LEFT_AS_IT_IS = "a, code, pre, time, textarea, select, option";

export function dresser(money) {
  const currency = money?.code ?? "USD";
  const factor = money?.factor ?? 1;
  const grouped = new Map();

  function format(options) {
    const key = JSON.stringify(options);
    if (!grouped.has(key)) grouped.set(key, new Intl.NumberFormat(undefined, options));
    return grouped.get(key);
  }

  function write(found, dollar, whole, decimals = "", space) {
    if (!dollar && !whole.includes(",") && !space) return found;
    const value = Number(whole.replaceAll(",", "") + decimals);
    const digits = Math.max(0, decimals.length - 1);
    if (!dollar) return format({ minimumFractionDigits: digits, maximumFractionDigits: digits }).format(value);
    const style = { style: "currency", currency, currencyDisplay: "narrowSymbol" };
    if (factor === 1) return format({ ...style, minimumFractionDigits: digits, maximumFractionDigits: digits }).format(value);
    const precision = Math.max(3, whole.replaceAll(",", "").length);
    return format({ ...style, minimumFractionDigits: 0, maximumSignificantDigits: precision }).format(value * factor);
  }

  return (fragment) => {
    const texts = document.createTreeWalker(fragment, NodeFilter.SHOW_TEXT);
    while (texts.nextNode()) {
      const text = texts.currentNode;
      if (!/\d/.test(text.data) || text.parentElement?.closest(LEFT_AS_IT_IS)) continue;
      text.data = text.data.replace(NUMBER, write);
    }
  };
}

// A converted amount must say so, and by what.
export function explain(section, money) {
  section.querySelector(".calc-money")?.remove();
  if (!money) return;
  const said = document.createElement("p");
  said.className = "calc-caption calc-money";
  said.textContent =
    `Amounts in the results are shown in ${money.code} at ${money.factor} for one US dollar, by your own factor. ` +
    "Fields, copies and downloads stay in US dollars.";
  section.querySelector(".calc-details").prepend(said);
}
