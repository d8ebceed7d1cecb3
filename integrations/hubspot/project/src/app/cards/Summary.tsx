// How far somebody is, in numbers.
import { Statistics, StatisticsItem } from '@hubspot/ui-extensions';

import type { Enrollment, Progress } from './rollcall';

export const Summary = ({ enrollments }: { enrollments: Enrollment[] }) => {
  const count = (progress: Progress) => enrollments.filter((one) => one.progress === progress).length;
  const required = enrollments.filter((one) => one.required);
  const done = required.filter((one) => one.progress === 'completed');
  return (
    <Statistics>
      <StatisticsItem label="Completed" number={count('completed')} />
      <StatisticsItem label="In progress" number={count('in_progress')} />
      <StatisticsItem label="Not started" number={count('not_started')} />
      <StatisticsItem label="Required completed" number={`${done.length} of ${required.length}`} />
    </Statistics>
  );
};
