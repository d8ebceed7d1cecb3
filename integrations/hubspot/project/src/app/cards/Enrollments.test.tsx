import {
  Alert,
  Button,
  EmptyState,
  ErrorState,
  Link,
  LoadingSpinner,
  StatisticsItem,
  StatusTag,
  TableRow,
  Tag,
} from '@hubspot/ui-extensions';
import { CrmAssociationTable } from '@hubspot/ui-extensions/crm';
import { createRenderer, type RenderedChildNode } from '@hubspot/ui-extensions/testing';
import { useState } from 'react';
import { afterEach, describe, expect, it, vi } from 'vitest';

import { Enrollments } from './Enrollments';
import { ROLLCALL } from './installation';
import { load, type Answer, type Enrollment } from './rollcall';

const RECORD = { id: '901', typeId: '0-1' };

const enrollment = (more: Partial<Enrollment> = {}): Enrollment => ({
  course: 'Safety basics',
  status: 'in_progress',
  progress: 'in_progress',
  percent: 40,
  required: false,
  overdue: false,
  enrolled_on: '2026-10-01',
  due_on: null,
  completed_on: null,
  ...more,
});

const answer = (enrollments: Enrollment[], more: Partial<Answer> = {}): Answer => ({
  linked: true,
  records: null,
  portals: [
    {
      id: 'prt_7',
      name: 'Partner academy',
      learner: { id: 'lrn_5', state: 'active', url: 'https://partners.example.com/admin/users/5/' },
      enrollments,
    },
  ],
  ...more,
});

const words = (nodes: RenderedChildNode[]): string[] =>
  nodes.flatMap((node) => ('childNodes' in node ? words(node.childNodes) : [node.text]));

const shown = async (found: Answer) => {
  const renderer = createRenderer('crm.record.tab');
  renderer.render(<Enrollments record={RECORD} locale="en-US" load={async () => found} />);
  await renderer.waitFor(() => expect(renderer.maybeFind(LoadingSpinner)).toBeNull());
  return renderer;
};

const failing = async (appId: string) => {
  const renderer = createRenderer('crm.record.tab');
  const ask = vi.fn(() => Promise.reject(new Error('away')));
  renderer.render(<Enrollments record={RECORD} load={ask} appId={appId} />);
  await renderer.waitFor(() => expect(renderer.maybeFind(LoadingSpinner)).toBeNull());
  return { ...renderer, ask };
};

describe('Enrollments', () => {
  it('says that it is loading', () => {
    const { render, find } = createRenderer('crm.record.tab');

    render(<Enrollments record={RECORD} load={() => new Promise(() => {})} />);

    expect(find(LoadingSpinner).props.label).toBe('Loading course enrollments');
  });

  it('says what to do about somebody who is no learner', async () => {
    const { find } = await shown({ linked: false, records: null, portals: [] });

    expect(find(EmptyState).props.title).toBe('Not a learner yet');
    expect(words(find(EmptyState).childNodes).join(' ')).toContain('workflow');
  });

  it('names the portal of a learner without courses', async () => {
    const { find } = await shown(answer([]));

    expect(words(find(EmptyState).childNodes).join(' ')).toContain('Partner academy');
  });

  it('counts the courses, and the required ones among them', async () => {
    const { findAll } = await shown(
      answer([
        enrollment(),
        enrollment({ course: 'Fire drill', status: 'passed', progress: 'completed', required: true }),
        enrollment({ course: 'First aid', status: 'not_started', progress: 'not_started', required: true }),
      ]),
    );

    const numbers = findAll(StatisticsItem).map((item) => [item.props.label, item.props.number]);
    expect(numbers).toEqual([
      ['Completed', 1],
      ['In progress', 1],
      ['Not started', 1],
      ['Required completed', '1 of 2'],
    ]);
  });

  it('lists the courses of a portal with status and days', async () => {
    const { find, findAll } = await shown(
      answer([
        enrollment({ status: 'failed', required: true, overdue: true, due_on: '2026-11-02' }),
        enrollment({ course: 'Fire drill', status: 'completed', percent: 100, completed_on: '2026-11-20' }),
      ]),
    );

    const [, first, second] = findAll(TableRow).map((row) => words(row.childNodes));
    expect(first).toEqual(['Safety basics', 'Required', 'Overdue', 'Failed', '40 %', 'Nov 2, 2026', '–']);
    expect(second).toEqual(['Fire drill', 'Completed', '100 %', '–', 'Nov 20, 2026']);
    expect(findAll(StatusTag).map((tag) => tag.props.variant)).toEqual(['danger', 'success']);
    expect(find(Link).props.href).toEqual({ url: 'https://partners.example.com/admin/users/5/', external: true });
  });

  it('marks a learner whose access has ended', async () => {
    const found = answer([enrollment()]);
    found.portals[0]!.learner.state = 'ended';

    const { find } = await shown(found);

    expect(find(Tag, { variant: 'warning' }).text).toBe('Access ended');
  });

  it("shows HubSpot's own records where it has them", async () => {
    const records = { object_type_id: '2-3465404', prefix: '' };

    const { find, maybeFind } = await shown(answer([enrollment()], { records }));

    const table = find(CrmAssociationTable);
    expect(table.props.objectTypeId).toBe('2-3465404');
    expect(table.props.propertyColumns).toContain('course_name');
    expect(maybeFind(TableRow)).toBeNull();
  });

  it('offers to try again when Rollcall does not answer', async () => {
    const { find, waitFor, ask } = await failing('');
    expect(find(ErrorState).props.title).toBe('Rollcall does not answer');

    find(Button).trigger('onClick');

    await waitFor(() => expect(ask).toHaveBeenCalledTimes(2));
  });

  it('falls back to the app object when Rollcall does not answer', async () => {
    const { find } = await failing('1122334');

    expect(find(Alert).props.variant).toBe('warning');
    expect(find(CrmAssociationTable).props.objectTypeId).toBe('a1122334_course_enrollment');
    expect(find(CrmAssociationTable).props.propertyColumns[0]).toBe('a1122334_course_name');
  });

  it('drops an answer about a record that is no longer shown', async () => {
    const answers = new Map<string, (found: Answer) => void>();
    const ask = ({ id }: { id: string }) => new Promise<Answer>((resolve) => answers.set(id, resolve));
    const Page = () => {
      const [id, setId] = useState('901');
      return (
        <>
          <Button onClick={() => setId('902')}>Next contact</Button>
          <Enrollments record={{ id, typeId: '0-1' }} load={ask} />
        </>
      );
    };
    const { render, find, waitFor } = createRenderer('crm.record.tab');
    render(<Page />);
    await vi.waitFor(() => expect([...answers.keys()]).toEqual(['901']));

    find(Button).trigger('onClick');
    await vi.waitFor(() => expect([...answers.keys()]).toEqual(['901', '902']));
    answers.get('902')!(answer([]));
    await waitFor(() => expect(find(EmptyState).props.title).toBe('No courses yet'));
    answers.get('901')!({ linked: false, records: null, portals: [] });
    await new Promise((resolve) => setTimeout(resolve));

    expect(find(EmptyState).props.title).toBe('No courses yet');
  });
});

describe('load', () => {
  afterEach(() => vi.unstubAllGlobals());

  it('asks Rollcall about the record', async () => {
    const hsFetch = vi.fn(async () => new Response(JSON.stringify(answer([]))));
    vi.stubGlobal('self', { hsFetch });

    const found = await load(RECORD);

    expect(found.linked).toBe(true);
    expect(hsFetch).toHaveBeenCalledWith(
      `${ROLLCALL}/integrations/hubspot/card/enrollments/?objectTypeId=0-1&objectId=901`,
      { method: 'GET', timeout: 10_000 },
    );
  });

  it('fails when Rollcall refuses', async () => {
    vi.stubGlobal('self', { hsFetch: async () => new Response('', { status: 401 }) });

    await expect(load(RECORD)).rejects.toThrow('401');
  });
});

describe('CourseEnrollments', () => {
  it('registers itself when HubSpot loads it', async () => {
    await expect(import('./CourseEnrollments')).resolves.toBeDefined();
  });
});
