// Reads /openapi.json and lays it out: every operation with its parameters, bodies and answers, then
// the shapes. Text only ever goes in as text.

const notice = document.getElementById('notice');

function element(tag, attributes = {}, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
  made.append(...children.filter((child) => child !== null && child !== undefined));
  return made;
}

const last = (reference) => reference.split('/').at(-1);

function shapeName(schema) {
  if (!schema) return '';
  if (schema.$ref) return element('a', { href: `#schema-${last(schema.$ref)}` }, last(schema.$ref));
  if (schema.type === 'array') return element('span', {}, 'list of ', shapeName(schema.items));
  const type = Array.isArray(schema.type) ? schema.type.join(' or ') : schema.type ?? 'anything';
  return element('span', {}, schema.enum ? schema.enum.join(', ') : schema.format ?? type);
}

function rules(schema) {
  const words = [];
  for (const [key, word] of [['minimum', 'at least'], ['maximum', 'at most'], ['maxLength', 'characters at most'], ['default', 'default']])
    if (schema[key] !== undefined) words.push(`${word} ${schema[key]}`);
  return words.join(', ');
}

function table(headings, rows) {
  return element('table', {},
    element('thead', {}, element('tr', {}, ...headings.map((heading) => element('th', { scope: 'col' }, heading)))),
    element('tbody', {}, ...rows.map((row) => element('tr', {}, ...row.map((cell) => element('td', {}, cell))))));
}

function fields(schema) {
  const required = schema.required ?? [];
  return table(['field', 'type', 'meaning'], Object.entries(schema.properties ?? {}).map(([name, field]) => [
    element('code', {}, required.includes(name) ? name : `${name}?`),
    shapeName(field),
    [field.description, rules(field)].filter(Boolean).join(' '),
  ]));
}

function contentShape(content) {
  const [type, media] = Object.entries(content ?? {})[0] ?? [];
  return type ? element('span', {}, shapeName(media.schema), type === 'application/json' ? '' : ` (${type})`) : '';
}

function operation(description, path, method, details) {
  const parameters = (details.parameters ?? []).map((parameter) =>
    parameter.$ref ? description.components.parameters[last(parameter.$ref)] : parameter);
  return element('details', { id: details.operationId },
    element('summary', {}, element('span', { class: 'method' }, method), element('code', {}, path), element('span', {}, details.summary)),
    details.description ? element('p', {}, details.description) : null,
    parameters.length ? table(['parameter', 'in', 'type', 'meaning'], parameters.map((parameter) =>
      [element('code', {}, parameter.name), parameter.in, shapeName(parameter.schema), parameter.description ?? ''])) : null,
    details.requestBody ? element('p', {}, 'Body: ', contentShape(details.requestBody.content)) : null,
    table(['answer', 'when', 'body'], Object.entries(details.responses).map(([status, answer]) =>
      [status, answer.description, contentShape(answer.content)])));
}

function show(description) {
  document.getElementById('about').textContent = `version ${description.info.version}`;
  const main = document.getElementById('operations');
  const groups = new Map();
  for (const [path, item] of Object.entries(description.paths)) {
    const group = path.split('/').slice(1, path.startsWith('/api/') ? 3 : 2).join('/');
    if (!groups.has(group)) groups.set(group, []);
    for (const [method, details] of Object.entries(item)) groups.get(group).push(operation(description, path, method, details));
  }
  for (const [group, operations] of groups)
    main.append(element('section', { class: 'card' }, element('h2', {}, `/${group}`), ...operations));
  main.append(element('section', { class: 'card' }, element('h2', {}, 'Shapes'),
    ...Object.entries(description.components.schemas).map(([name, schema]) =>
      element('div', { id: `schema-${name}` }, element('h3', {}, name), fields(schema)))));
  if (location.hash) document.getElementById(location.hash.slice(1))?.scrollIntoView();
}

try {
  const answer = await fetch('/openapi.json');
  if (!answer.ok) throw new Error(`the server answered ${answer.status}`);
  show(await answer.json());
} catch (error) {
  notice.textContent = `The description could not be read: ${error.message}`;
  notice.hidden = false;
}
