// JSON in which integers keep all their digits: a BigInt where a double would not do.
const kLong = /\d{16}/;
export const parse = (text) =>
  !kLong.test(text) ? JSON.parse(text) : JSON.parse(text, (_, value, context) =>
    typeof value === 'number' && context.source && !Number.isSafeInteger(value) && /^-?\d+$/.test(context.source)
      ? BigInt(context.source)
      : value);

export const stringify = (value, space) =>
  JSON.stringify(value, (_, each) => (typeof each === 'bigint' ? JSON.rawJSON(each.toString()) : each), space);

export const raw = (value) => parse(stringify(value));

// What the wasm glue needs: it stringifies by itself and knows no BigInt.
export const parseRaw = (text) =>
  !kLong.test(text) ? JSON.parse(text) : JSON.parse(text, (_, value, context) =>
    typeof value === 'number' && context.source && !Number.isSafeInteger(value) ? JSON.rawJSON(context.source) : value);
