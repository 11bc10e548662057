// Uses the client of OpenAPI Generator in Go.
package main

import (
	"context"
	"fmt"
	"os"

	openapi "github.com/GIT_USER_ID/GIT_REPO_ID"
)

func check(isRight bool, what string) {
	if !isRight {
		fmt.Fprintln(os.Stderr, what)
		os.Exit(1)
	}
}

func require(err error) {
	if err != nil {
		if api, ok := err.(*openapi.GenericOpenAPIError); ok {
			fmt.Fprintln(os.Stderr, string(api.Body()))
		}
		panic(err)
	}
}

func sleep(seconds float64) openapi.JobRequest {
	job := openapi.NewSleepJobRequest("sleep", *openapi.NewSleepPayload(seconds))
	return openapi.SleepJobRequestAsJobRequest(job)
}

func upload(ctx context.Context, jobs *openapi.JobsAPIService) map[string]interface{} {
	log, err := os.Open("app.log")
	require(err)
	defer log.Close()
	text := "ERROR"
	options := openapi.NewPatternObject("WARN")
	options.SetIgnoreCase(true)
	patterns := []openapi.AnalyzePayloadPatternsInner{
		openapi.StringAsAnalyzePayloadPatternsInner(&text),
		openapi.PatternObjectAsAnalyzePayloadPatternsInner(options),
	}
	payload := *openapi.NewAnalyzePayload()
	payload.SetPatterns(patterns)
	job, _, err := jobs.UploadJob(ctx).Type_("analyze").Payload(payload).Filename(log).Wait(30).Execute()
	require(err)
	check(job.Status == openapi.SUCCEEDED, "the analysis has not succeeded")
	return job.Result.(map[string]interface{})["counts"].(map[string]interface{})
}

func main() {
	settings := openapi.NewConfiguration()
	settings.Servers[0].URL = os.Getenv("JOBS_URL")
	client := openapi.NewAPIClient(settings)
	jobs := client.JobsAPI
	ctx := context.WithValue(context.Background(), openapi.ContextAccessToken, os.Getenv("JOBS_TOKEN"))

	ended, _, err := jobs.SubmitJob(ctx).JobRequest(sleep(0)).Wait(30).Execute()
	require(err)
	check(ended.Status == openapi.SUCCEEDED, "the job has not succeeded")
	waiting, response, err := jobs.SubmitJob(ctx).JobRequest(sleep(600)).Execute()
	require(err)
	check(response.StatusCode == 202 && waiting.Status == openapi.QUEUED, "the job is not queued")
	counts := upload(ctx, jobs)
	check(counts["ERROR"] == 2.0 && counts["WARN"] == 1.0, fmt.Sprint(counts))

	succeeded := []openapi.Status{openapi.SUCCEEDED}
	page, _, err := jobs.ListJobs(ctx).Status(succeeded).Limit(1).Execute()
	require(err)
	check(len(page.Items) == 1, "the page has not one job")
	rest, _, err := jobs.ListJobs(ctx).Status(succeeded).Cursor(page.GetNext()).Execute()
	require(err)
	check(len(rest.Items) == 1 && rest.Items[0].JobId == ended.JobId, "the rest is wrong")
	unknown := "01a2107d-08cc-73f5-a3eb-bdc8e70382e5"
	found, _, err := jobs.ListJobs(ctx).Id([]string{ended.JobId, unknown}).Wait(0).Execute()
	require(err)
	check(len(found.Items) == 1 && found.Unknown[0] == unknown, "the list by ids is wrong")

	changed, _, err := jobs.CancelJob(ctx, waiting.JobId).Execute()
	require(err)
	check(changed.Status == openapi.CANCELED, "the job is not canceled")
	job, _, err := jobs.GetJob(ctx, waiting.JobId).Execute()
	require(err)
	check(job.Status == openapi.CANCELED, "the job is not canceled")
	_, response, err = jobs.GetJob(ctx, unknown).Execute()
	check(err != nil && response.StatusCode == 404, "an unknown job was found")
	problem, ok := err.(*openapi.GenericOpenAPIError).Model().(openapi.ProblemDocument)
	check(ok && problem.Detail != "", "the error has no document")
	fmt.Println("done")
}
