// What Rollcall answers about a record, and how the card asks for it.
import { hubspot } from '@hubspot/ui-extensions';

import { ROLLCALL } from './installation';

export type Status = 'not_started' | 'in_progress' | 'completed' | 'passed' | 'failed' | 'pending_review';
export type Progress = 'not_started' | 'in_progress' | 'completed';

export interface Enrollment {
  course: string;
  status: Status;
  progress: Progress;
  percent: number;
  required: boolean;
  overdue: boolean;
  enrolled_on: string;
  due_on: string | null;
  completed_on: string | null;
}

export interface PortalOfLearner {
  id: string;
  name: string;
  learner: { id: string; state: 'active' | 'ended'; url: string };
  enrollments: Enrollment[];
}

// Where HubSpot itself holds the enrollments: the object's type, and what its property names begin with.
export interface Records {
  object_type_id: string;
  prefix: string;
}

export interface Answer {
  linked: boolean;
  records: Records | null;
  portals: PortalOfLearner[];
}

export interface CrmRecord {
  id: string;
  typeId: string;
}

export type Load = (record: CrmRecord) => Promise<Answer>;

// HubSpot signs the request and adds who is asking; Rollcall answers about portals connected to that account only.
export const load: Load = async (record) => {
  const query = new URLSearchParams({ objectTypeId: record.typeId, objectId: record.id });
  const response = await hubspot.fetch(`${ROLLCALL}/integrations/hubspot/card/enrollments/?${query}`, {
    method: 'GET',
    timeout: 10_000,
  });
  if (!response.ok) {
    throw new Error(`Rollcall answered ${response.status}.`);
  }
  return (await response.json()) as Answer;
};
